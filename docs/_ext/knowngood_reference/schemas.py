"""Copy the JSON Schemas to the addresses that their ``$id`` names: they stay the same as long as the format does."""

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SITE = "https://knowngood.github.io/knowngood/"
"""Where this site is, and so what every ``$id`` begins with."""


def schemas() -> dict[str, str]:
    """Return the text of every schema by its path on the site, such as ``schemas/matrix-2.json``."""
    package = Path(str(files("knowngood")))
    texts = [path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.schema.json"))]
    return {str(json.loads(text)["$id"]).removeprefix(SITE): text for text in texts}


def copy(app: "Sphinx", error: Exception | None) -> None:
    """Write the schemas into the site, once it is built."""
    if error is None and app.builder.format == "html":
        for path, text in schemas().items():
            target = Path(app.outdir) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
