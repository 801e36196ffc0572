"""Sphinx reads this: how the site is built. ``nox -s site`` builds it without warnings, and without the network."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent

sys.path.insert(0, str(DOCS / "_ext"))

from knowngood import __version__  # noqa: E402

project = "knowngood"
author = "the knowngood developers"
release = version = __version__

extensions = ["myst_parser", "sphinx_copybutton", "knowngood.sphinx", "knowngood_reference"]
exclude_patterns = ["_build", "_ext", "recipes"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "knowngood"
html_static_path = ["_static"]
html_css_files = ["knowngood.css"]
html_js_files = ["knowngood.js"]
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
# Our own reports are pages by themselves: the site has them as they are, once a run has published one.
html_extra_path = ["../reports"] if (DOCS.parent / "reports" / "embedding" / "index.html").is_file() else []

highlight_language = "text"
pygments_style = "xcode"  # each color is readable for everybody, as axe measures it
pygments_dark_style = "github-dark"
copybutton_prompt_text = "$ "
