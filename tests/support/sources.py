"""Write tiny projects that build themselves, and count how often they are built."""

from collections.abc import Mapping
from pathlib import Path

from support.repositories import write

COUNT = "KG_TEST_BUILDS"
"""The variable that names the file to which every build of these projects adds a line."""

BACKEND = """
import os
import sys
import zipfile

NAME, VERSION, REQUIRES, COMPILED = {name!r}, {version!r}, {requires!r}, {compiled!r}
MODULE = NAME.replace("-", "_")
INFO = f"{{MODULE}}-{{VERSION}}.dist-info"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    if "KG_TEST_BUILDS" in os.environ:
        with open(os.environ["KG_TEST_BUILDS"], "a") as file:
            file.write(f"{{NAME}} {{sys.version_info[:2]}} {{config_settings}}\\n")
    if os.path.exists("broken"):
        raise RuntimeError(open("broken").read().strip())
    return _wheel(folder, {{file: open(file).read() for file in sorted(os.listdir(".")) if _ours(file)}})


def build_editable(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {{f"{{MODULE}}.pth": os.getcwd()}})


def _ours(file):
    return file.endswith((".py", ".txt")) and file != "backend.py"


def _wheel(folder, files):
    python = f"cp{{sys.version_info[0]}}{{sys.version_info[1]}}"
    tag = f"{{python}}-{{python}}-linux_x86_64" if COMPILED else "py3-none-any"
    lines = ["Metadata-Version: 2.1", f"Name: {{NAME}}", f"Version: {{VERSION}}"]
    lines += [f"Requires-Dist: {{requirement}}" for requirement in REQUIRES]
    lines += ["Provides-Extra: x", "", open("README.md").read() if os.path.exists("README.md") else ""]
    files[f"{{INFO}}/METADATA"] = "\\n".join(lines)
    files[f"{{INFO}}/WHEEL"] = f"Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: {{tag}}\\n"
    files[f"{{INFO}}/RECORD"] = "".join(f"{{file}},,\\n" for file in files) + f"{{INFO}}/RECORD,,\\n"
    name = f"{{MODULE}}-{{VERSION}}-{{tag}}.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return name
"""


def project(
    folder: Path,
    *,
    name: str = "mine",
    version: str = "1.0",
    requires: tuple[str, ...] = (),
    extra: tuple[str, ...] = (),
    build_requires: tuple[str, ...] = (),
    compiled: bool = False,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a project of one module into ``folder``, and return it.

    It installs the Python and text files of its folder, and ``extra`` is what its extra ``x`` requires. With
    ``compiled`` its wheel is for one Python and platform. A file ``broken`` in it is the message of the exception that
    its build raises.
    """
    listed = "[{}]".format
    quoted = [", ".join(f'"{text}"' for text in texts) for texts in (build_requires, requires, extra)]
    build_system, dependencies, optional = map(listed, quoted)
    lines = ["[build-system]", f"requires = {build_system}", 'build-backend = "backend"', 'backend-path = ["."]']
    lines += ["[project]", f'name = "{name}"', f'version = "{version}"', f"dependencies = {dependencies}"]
    lines += ["[project.optional-dependencies]", f"x = {optional}"]
    metadata = (*requires, *(f"{requirement}; extra == 'x'" for requirement in extra))
    return write(
        folder,
        {
            "pyproject.toml": "\n".join([*lines, ""]),
            "backend.py": BACKEND.format(name=name, version=version, requires=metadata, compiled=compiled),
            f"{name.replace('-', '_')}.py": f"__version__ = {version!r}\nSAYS = 'first'\n",
            **(files or {}),
        },
    )
