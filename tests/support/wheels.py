"""Build tiny real wheels and source distributions in the test that needs them."""

import base64
import hashlib
import io
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path


def build_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: tuple[str, ...] = (),
    files: dict[str, str] | None = None,
    requires_python: str | None = None,
    binary: dict[str, bytes] | None = None,
    tags: tuple[str, ...] = ("py3-none-any",),
) -> Path:
    """Write ``name-version-py3-none-any.whl`` into ``folder`` and return its path.

    Without ``files`` the wheel has one module, named after the distribution, with ``__version__`` in it. The files of
    ``binary`` are added. ``tags`` go into its metadata; its file name, which installers read, is always the same.
    """
    module = name.replace("-", "_")
    dist_info = f"{module}-{version}.dist-info"
    texts = dict(files) if files is not None else {f"{module}.py": f"__version__ = {version!r}\n"}
    texts[f"{dist_info}/METADATA"] = _metadata(name, version, requires, requires_python)
    tag_lines = "".join(f"Tag: {tag}\n" for tag in tags)
    texts[f"{dist_info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n{tag_lines}"
    contents = {path: text.encode() for path, text in texts.items()} | (binary or {})
    record = [f"{path},{digest(data)},{len(data)}" for path, data in contents.items()]
    contents[f"{dist_info}/RECORD"] = ("\n".join([*record, f"{dist_info}/RECORD,,"]) + "\n").encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in contents.items():
            archive.writestr(path, data)
    return wheel


def build_sdist(
    folder: Path,
    name: str,
    version: str,
    *,
    setup: str = "",
    backend: str | None = None,
    requires: tuple[str, ...] = (),
) -> Path:
    """Write ``name-version.tar.gz`` into ``folder`` and return its path.

    ``setup`` is the text of its ``setup.py``. With ``backend``, the source of a build backend, the distribution builds
    itself, and needs nothing for it but what ``requires`` names.
    """
    module = name.replace("-", "_")
    root = f"{module}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    files = {"PKG-INFO": _metadata(name, version, (), None)}
    if backend is None:
        files["setup.py"] = setup
    else:
        files["backend.py"] = backend
        files["pyproject.toml"] = (
            f'[build-system]\nrequires = {list(requires)}\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
    sdist = folder / f"{root}.tar.gz"
    with tarfile.open(sdist, "w:gz") as archive:
        for path, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(f"{root}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return sdist


def _metadata(name: str, version: str, requires: tuple[str, ...], requires_python: str | None) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if requires_python is not None:
        lines.append(f"Requires-Python: {requires_python}")
    lines.extend(f"Requires-Dist: {requirement}" for requirement in requires)
    return "\n".join(lines) + "\n"


def digest(data: bytes) -> str:
    """Return a digest as a ``RECORD`` has it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def repack(folder: Path, name: str) -> Path:
    """Write a wheel of a pure distribution that is installed beside the tests, such as ``pytest``, into ``folder``."""
    found = distribution(name)
    files: dict[str, str] = {}
    binary: dict[str, bytes] = {}
    for file in found.files or ():
        if file.parts[0] in ("..", "/") or file.suffix == ".pyc" or file.parts[0].endswith(".dist-info"):
            continue
        binary[str(file)] = Path(str(file.locate())).read_bytes()
    for file in found.files or ():
        if file.name == "entry_points.txt":
            files[f"{name.replace('-', '_')}-{found.version}.dist-info/entry_points.txt"] = file.read_text()
    requires = tuple(line for line in found.requires or () if "extra" not in line)
    return build_wheel(folder, name, found.version, requires=requires, files=files, binary=binary)
