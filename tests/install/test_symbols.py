"""Read from the source of a module whether it offers a name."""

from pathlib import Path

import pytest

from knowngood.install.releases import offers

FILES = {
    "pkg/__init__.py": "from pkg.near import *\nfrom ._far import one as two\nimport os\nif True:\n    LATE = 1\n",
    "pkg/near.py": '"""Mentions hidden."""\nfrom .deep import *\ndef func(): pass\n# commented\n',
    "pkg/deep.py": "class Deep: pass\n",
    "pkg/_far.py": "one = 1\n",
    "pkg/sub/__init__.py": "",
    "pkg/part.py": "",
    "lazy.py": "def __getattr__(name): ...\n",
    "broken.py": "def (:\n",
}


@pytest.mark.parametrize(
    ("module", "name", "offered"),
    [
        ("pkg", "two", True),
        ("pkg", "one", False),
        ("pkg", "os", True),
        ("pkg", "LATE", True),
        ("pkg", "func", True),
        ("pkg", "Deep", True),
        ("pkg", "sub", True),
        ("pkg", "part", True),
        ("pkg", "hidden", False),
        ("pkg", "commented", False),
        ("pkg.near", "LATE", False),
        ("lazy", "anything", True),
        ("broken", "anything", True),
        ("compiled", "anything", True),
    ],
)
def test_a_module_offers_the_names_that_it_defines_imports_or_contains(
    tmp_path: Path, module: str, name: str, offered: bool
) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")

    assert offers(tmp_path, module, name) is offered
