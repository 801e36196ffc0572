"""Read from the sources of a package whether it offers a name: yes, no, or cannot tell."""

from pathlib import Path

import pytest

from knowngood.install.symbols import mentions, offers

FILES = {
    "pkg/__init__.py": "from pkg.near import *\nfrom ._far import one as two\nimport os\nif True:\n    LATE = 1\n",
    "pkg/near.py": '"""Mentions hidden."""\nfrom .deep import *\ndef func(): pass\n# commented\n',
    "pkg/deep.py": "class Deep: pass\n",
    "pkg/_far.py": "one = 1\n",
    "pkg/sub/__init__.py": "",
    "pkg/part.py": "",
    "lazy/__init__.py": "def __getattr__(name): ...\nTABLE = {'_files': ['listed']}\nassert 'refused'\n",
    "lazy/_files.py": "def elsewhere(): pass\n",
    "attached/__init__.py": "__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)\n",
    "attached/__init__.pyi": "from .core import stubbed\n",
    "replaced/__init__.py": "import sys\nNAMES = {'models': ['Model']}\nsys.modules[__name__] = LazyModule(NAMES)\n",
    "plain.py": "class Computed:\n    def __getattr__(self, name): ...\n",
    "broken.py": "def (:\n",
    "compiled.cpython-311-x86_64-linux-gnu.so": "",
    "classes.py": "class Config(Base):\n    old: int\n    def update(self): ...\n"
    "    def __init__(self, proxies): self.set = 1\n"
    "class Base:\n    def inherited(self): ...\ndef hook(path, *, only): ...\ndef anything(**given): ...\n",
}


def write(folder: Path) -> Path:
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


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
        ("pkg.gone", "anything", False),
        ("broken", "anything", None),
        ("compiled", "anything", None),
    ],
)
def test_a_module_offers_the_names_that_it_defines_imports_or_contains(
    tmp_path: Path, module: str, name: str, offered: bool | None
) -> None:
    assert offers(write(tmp_path), module, name) is offered


@pytest.mark.parametrize(
    ("module", "exists"),
    [
        ("pkg.near", True),
        ("pkg.sub", True),
        ("pkg.os", False),
        ("pkg.gone", False),
        ("compiled", True),
        ("pkg.near.deeper", False),
    ],
)
def test_a_module_exists_only_as_a_file_or_a_folder(tmp_path: Path, module: str, exists: bool) -> None:
    # ``pkg`` imports ``os``: that makes it a name of ``pkg``, and not a module.
    assert offers(write(tmp_path), module, "") is exists


@pytest.mark.parametrize(
    ("module", "name", "offered"),
    [
        ("lazy", "listed", True),
        ("lazy", "elsewhere", None),
        ("lazy", "never_written_down", False),
        ("attached", "stubbed", True),
        ("attached", "never_written_down", False),
        ("replaced", "Model", True),
        ("plain", "missing", False),
    ],
)
def test_a_module_that_computes_its_names_offers_those_that_it_lists(
    tmp_path: Path, module: str, name: str, offered: bool | None
) -> None:
    assert offers(write(tmp_path), module, name) is offered


def test_a_string_may_be_a_name_that_a_module_only_knows_in_order_to_refuse_it(tmp_path: Path) -> None:
    assert offers(write(tmp_path), "lazy", "refused", lazily=False) is None


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("Config.update", True),
        ("Config.old", True),
        ("Config.set", True),
        ("Config.inherited", None),
        ("Config.never_written_down", False),
        ("Absent.update", None),
        ("Config.__init__(proxies)", True),
        ("Config.__init__(other)", False),
        ("Base.__init__(x)", None),
        ("hook(path)", True),
        ("hook(only)", True),
        ("hook(file_path)", False),
        ("anything(file_path)", True),
        ("hook", True),
        ("never_written_down", False),
        ("Config(proxies)", True),
        ("Config(other)", False),
        ("", None),
    ],
)
def test_members_and_parameters_are_looked_for_in_all_modules(tmp_path: Path, name: str, offered: bool | None) -> None:
    assert offers(write(tmp_path), "", name) is offered


@pytest.mark.parametrize(
    ("source", "mentioned"),
    [
        ("import py.log", True),
        ("from py.log import Producer", True),
        ("import py\npy.log.Producer()", True),
        ("from py import io, log", True),
        ("from py import (\n    io,\n    log,\n)", True),
        ("from py import io\nlog = 1", False),
        ("from .log import Producer", False),
        ("happy.log", False),
        ("import py.logger", False),
    ],
)
def test_a_module_is_mentioned_however_it_is_imported(tmp_path: Path, source: str, mentioned: bool) -> None:
    (tmp_path / "user.py").write_text(source, encoding="utf-8")

    assert mentions(tmp_path, "py.log") == mentioned


def test_only_whole_words_are_mentioned(tmp_path: Path) -> None:
    folder = write(tmp_path)

    assert mentions(folder, "proxies")
    assert not mentions(folder, "proxie")
