"""Build tiny wheels under the names that our pages use, with only what the pages need of them."""

from pathlib import Path

from support.wheels import build_wheel

_FLASK = """
{before}
class Answer:
    status_code = 404

class Flask:
    def __init__(self, name):
        self.name = name

    def test_client(self):
        return self

    def get(self, path):
        return Answer()
"""

_NUMPY = """
class ndarray:
    def __init__(self, values, dtype):
        self.values, self.dtype = values, dtype

    def tolist(self):
        return self.values

    def sum(self):
        return sum(self.values)

    def __matmul__(self, other):
        return sum(a * b for a, b in zip(self.values, other.values))


def ones(count, dtype="float64"):
    return ndarray([1.0] * count, dtype)
"""


DATES = {
    f"{name}-{version}-py3-none-any.whl": f"{day}T08:00:00Z"
    for name, version, day in (
        ("flask", "2.2.2", "2022-08-08"),
        ("flask", "3.0.3", "2024-04-07"),
        ("numpy", "1.26.4", "2024-02-05"),
        ("werkzeug", "2.2.3", "2023-02-14"),
        ("werkzeug", "3.0.0", "2023-09-30"),
        ("werkzeug", "3.1.9", "2026-07-01"),
    )
}
"""File name -> when it was uploaded, for pages about time."""


def build(folder: Path) -> None:
    """Write the wheels of a tiny Flask, Werkzeug and NumPy into ``folder``."""
    # The page shows line 30 of the real Flask 2.2.2, the one that breaks.
    old = "\n" * 28 + "from werkzeug.urls import url_quote"
    for version, before in (("3.0.3", "import werkzeug"), ("2.2.2", old)):
        needs = "werkzeug>=3.0.0" if version == "3.0.3" else "werkzeug>=2.2.2"
        source = _FLASK.format(before=before).removeprefix("\n")
        files = {"flask/__init__.py": "from flask.app import Flask\n", "flask/app.py": f"\n{source}"}
        build_wheel(folder, "flask", version, requires=(needs,), files=files)
    for version in ("2.2.3", "3.0.0", "3.1.9"):
        urls = "def url_quote(text): ...\n" if version == "2.2.3" else ""
        build_wheel(folder, "werkzeug", version, files={"werkzeug/__init__.py": "", "werkzeug/urls.py": urls})
    build_wheel(folder, "numpy", "1.26.4", files={"numpy/__init__.py": _NUMPY})
