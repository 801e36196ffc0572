"""Read environments of small real wheels, whose extensions contain the texts that real extensions contain."""

import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.install.environment import Environment
from knowngood.install.index import Routes
from knowngood.install.inspect import read
from knowngood.model import Distribution, EnvironmentFacts, InstallerName
from support.index import Index
from support.wheels import build_wheel
from support.workshop import Workshop

TAG = ".cpython-311-x86_64-linux-gnu.so"
BUILT_FOR_1 = (
    b"numpy.core._multiarray_umath",
    b"_ARRAY_API",
    b"module compiled against ABI version 0x%x but this version of numpy is 0x%x",
    b"module compiled against API version 0x%x but this version of numpy is 0x%x",
)
BUILT_FOR_2 = (
    b"numpy._core._multiarray_umath",
    b"numpy.core._multiarray_umath",
    b"_ARRAY_API",
    b"module compiled against ABI version 0x%x but this version of numpy is 0x%x",
    b"module was compiled against NumPy C-API version 0x%x (NumPy 1.23) but the running NumPy has C-API version 0x%x.",
)
CYTHON_1 = (b"numpy.core.multiarray failed to import", b"numpy.core.umath failed to import")
CYTHON_2 = (b"numpy._core.multiarray failed to import", b"numpy._core.umath failed to import")
PYBIND11_OLD = (b"__pybind11_internals", b"numpy.core.multiarray", b"_ARRAY_API", b"numpy.ndarray")
PYBIND11_NEW = (b"__pybind11_internals", b"numpy._core", b"numpy.core", b"multiarray", b"_ARRAY_API", b"numpy.ndarray")
RUST = (b"Failed to access NumPy array API capsule", b"numpy.core.multiarray", b"_ARRAY_API")
RUST_NEW = (
    b"numpy._core",
    b"numpy.core",
    b"multiarray",
    b"module compiled against ABI version",
    b"NumPy C-API version",
)


def extension(*texts: bytes) -> bytes:
    return b"\x7fELF" + bytes(64) + b"\0".join(texts) + bytes(64)


def unpack(folder: Path, *wheels: Path) -> Environment:
    """Return an environment of Python 3.11 with ``wheels`` unpacked in it, later ones over earlier ones."""
    packages = folder / "env" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True, exist_ok=True)
    (folder / "env" / "pyvenv.cfg").write_text("version_info = 3.11.7\n", encoding="utf-8")
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
    return Environment(folder=folder / "env")


def read_one(
    folder: Path, binary: Mapping[str, bytes], *, numpy: str = "2.1.3", name: str = "some"
) -> EnvironmentFacts:
    wheel = build_wheel(folder, name, "1.0", files={}, binary=dict(binary))
    return read(unpack(folder, wheel, build_wheel(folder, "numpy", numpy)))


def built_for(facts: EnvironmentFacts) -> dict[str, str]:
    return {extension.file: extension.numpy for extension in facts.extensions}


@pytest.mark.parametrize(
    ("texts", "numpy"),
    [
        pytest.param(BUILT_FOR_1, "1", id="C API of 1.x"),
        pytest.param(BUILT_FOR_2, "2", id="C API of 2"),
        pytest.param(CYTHON_1, "1", id="Cython with the types of 1.x"),
        pytest.param(CYTHON_2, "2", id="Cython with the types of 2"),
        pytest.param(CYTHON_1 + BUILT_FOR_2, "2", id="C API of 2 in texts of an older Cython"),
        pytest.param(PYBIND11_NEW, "2", id="pybind11 for NumPy 1 and 2"),
        pytest.param(PYBIND11_OLD, None, id="pybind11 older than NumPy 2"),
        pytest.param(RUST, None, id="Rust that looks NumPy up at run time"),
        pytest.param(RUST_NEW, None, id="Rust for NumPy 1 and 2"),
        pytest.param((b"numpy.ndarray", b"import numpy"), None, id="an extension that only mentions NumPy"),
        pytest.param((), None, id="an extension without NumPy"),
    ],
)
def test_an_extension_shows_which_numpy_it_was_built_for(
    texts: tuple[bytes, ...], numpy: str | None, tmp_path: Path
) -> None:
    facts = read_one(tmp_path, {f"some/_core{TAG}": extension(*texts)})
    assert built_for(facts) == ({f"some/_core{TAG}": numpy} if numpy else {})
    assert all(extension.distribution == "some" for extension in facts.extensions)


@pytest.mark.parametrize(
    ("path", "is_read"),
    [
        (f"some/_core{TAG}", True),
        ("some/_core.abi3.so", True),
        ("some/_core.so", True),
        (f"_some{TAG}", True),
        (f"some/lib{TAG}", True),
        ("some/lib/libsome_python.so", True),
        ("some/lib/libkernels.so", False),
        ("some.libs/libkernels-0a1b2c3d.so", False),
        ("some/_core.so.1", False),
        ("some/_core.txt", False),
    ],
)
def test_only_compiled_files_that_python_imports_are_read(path: str, is_read: bool, tmp_path: Path) -> None:
    facts = read_one(tmp_path, {path: extension(*BUILT_FOR_1)})
    assert built_for(facts) == ({path: "1"} if is_read else {})


def test_a_certain_sign_in_one_extension_outweighs_a_likely_one_in_another(tmp_path: Path) -> None:
    files = {
        f"some/_a{TAG}": extension(*BUILT_FOR_2),
        f"some/_b{TAG}": extension(*CYTHON_1),
        f"some/_c{TAG}": extension(*PYBIND11_OLD),
        f"some/_d{TAG}": extension(*BUILT_FOR_1),
    }
    facts = read_one(tmp_path, files)
    assert built_for(facts) == {f"some/_a{TAG}": "2", f"some/_d{TAG}": "1"}
    assert facts.remarks == ()


@pytest.mark.parametrize("name", ["numpy", "nvidia-some"])
def test_numpy_itself_and_the_libraries_of_nvidia_are_not_read(name: str, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, name, "2.0", files={}, binary={f"some/_core{TAG}": extension(*BUILT_FOR_1)})
    assert read(unpack(tmp_path, wheel)).extensions == ()


def test_next_to_an_extension_too_large_to_read_an_old_pybind11_is_not_remarked(tmp_path: Path) -> None:
    old = extension(*PYBIND11_OLD)
    wheel = build_wheel(tmp_path, "some", "1.0", files={}, binary={f"some/_a{TAG}": old, f"some/_big{TAG}": old})
    environment = unpack(tmp_path, wheel, build_wheel(tmp_path, "numpy", "2.0.0"))
    assert len(read(environment).remarks) == 1
    with (environment.site_packages()[0] / f"some/_big{TAG}").open("r+b") as big:
        big.truncate(200 * 2**20)  # sparse: takes no space
    assert read(environment).remarks == ()


def test_missing_and_empty_extensions_are_skipped(tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path,
        "some",
        "1.0",
        files={},
        binary={f"some/_gone{TAG}": extension(*BUILT_FOR_1), f"some/_empty{TAG}": b""},
    )
    environment = unpack(tmp_path, wheel)
    (environment.site_packages()[0] / f"some/_gone{TAG}").unlink()
    assert read(environment).extensions == ()


def test_a_record_with_paths_outside_the_environment_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / f"_core{TAG}"
    outside.write_bytes(extension(*BUILT_FOR_1))
    environment = unpack(tmp_path, build_wheel(tmp_path, "some", "1.0"))
    record = environment.site_packages()[0] / "some-1.0.dist-info" / "RECORD"
    record.write_text(f"{outside},,\n../../../../_core{TAG},,\nsome.py,,\n\n", encoding="utf-8")
    assert read(environment).extensions == ()


@pytest.mark.parametrize(
    "record", [b"\xff\xfe,,\n", b"a\0b.so,,\n", b"x" * 200_000 + b",,\n", b'"never closed,,\n', b""]
)
def test_a_distribution_with_a_broken_record_is_listed_all_the_same(record: bytes, tmp_path: Path) -> None:
    environment = unpack(tmp_path, build_wheel(tmp_path, "some", "1.0", tags=("nonsense", "\u00e9-b-c-d")))
    (environment.site_packages()[0] / "some-1.0.dist-info" / "RECORD").write_bytes(record)
    facts = read(environment)
    assert [(distribution.name, distribution.version) for distribution in facts.distributions] == [("some", "1.0")]
    assert facts.extensions == () == facts.remarks


def test_distributions_are_listed_with_their_requirements_and_modules(tmp_path: Path) -> None:
    requires = ("numpy<2.0,>=1.22", 'tomli; python_version < "3.11"')
    files = {
        "some/__init__.py": "",
        "some/deep/part.py": "",
        "single.py": "",
        "some.libs/readme.py": "",
        "data/table.csv": "",
        "some-nspkg.pth": "",
        "../../../bin/some.py": "",
    }
    wheel = build_wheel(
        tmp_path, "Some.Name", "1.0", requires=requires, files=files, binary={f"_some_backend{TAG}": extension()}
    )
    facts = read(unpack(tmp_path, wheel, build_wheel(tmp_path, "Other", "2.0")))
    assert all(distribution.contents.endswith(" py3-none-any") for distribution in facts.distributions)
    assert tuple(replace(distribution, contents="") for distribution in facts.distributions) == (
        Distribution(name="other", version="2.0", modules=("Other",)),
        Distribution(name="some-name", version="1.0", requires=requires, modules=("_some_backend", "single", "some")),
    )


def test_an_environment_that_was_never_built_has_no_facts(tmp_path: Path) -> None:
    assert read(Environment(folder=tmp_path / "none")) == EnvironmentFacts()


@pytest.mark.parametrize("numpy", ["2.1.3", "1.26.4", "whatever"])
def test_an_old_pybind11_is_remarked_only_when_numpy_2_is_installed(numpy: str, tmp_path: Path) -> None:
    facts = read_one(tmp_path, {f"some/_core{TAG}": extension(*PYBIND11_OLD)}, numpy=numpy)
    remark = (
        f"some 1.0 was built with a pybind11 older than 2.12 (some/_core{TAG}), which can give wrong arrays on NumPy"
    )
    assert facts.remarks == ((f"{remark} 2.1.3",) if numpy == "2.1.3" else ())


def test_files_that_two_distributions_own_are_remarked_once(tmp_path: Path) -> None:
    wheels = [
        build_wheel(
            tmp_path,
            name,
            "1.0",
            files={"cv/__init__.py": name, "cv/same.py": "", "cv/gapi.py": name, "cv/LICENSE": name},
            binary={f"cv/cv{TAG}": name.encode()},
        )
        for name in ("cv-full", "cv-headless")
    ]
    assert read(unpack(tmp_path, *wheels)).remarks == (
        "cv-full and cv-headless both own cv/gapi.py and 1 more, with different contents: the one installed last won",
    )


def test_a_package_that_does_something_is_not_shared_as_a_namespace_is(tmp_path: Path) -> None:
    wheels = [
        build_wheel(
            tmp_path,
            name,
            "1.0",
            files={"port/__init__.py": f"from port.{name} import *\n", f"port/{name}.py": ""},
        )
        for name in ("hyperport", "portable")
    ]
    assert read(unpack(tmp_path, *wheels)).remarks == (
        "hyperport and portable both own port/__init__.py, with different contents: the one installed last won",
    )


@pytest.mark.parametrize(
    "text",
    [
        "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\nx = 1\n",
        '"""The {} part."""\n',
        "__version__ = '{}'\n",
        "# {}\nfrom __future__ import annotations\npass\n",
    ],
)
def test_a_namespace_may_have_any_init_that_does_nothing(text: str, tmp_path: Path) -> None:
    wheels = [
        build_wheel(
            tmp_path,
            name,
            "1.0",
            files={"space/__init__.py": text.format(name) + f"# {name}\n", f"space/{name}.py": ""},
        )
        for name in ("aa", "bb")
    ]
    assert read(unpack(tmp_path, *wheels)).remarks == ()


def test_a_shared_namespace_or_stray_folder_is_not_remarked(tmp_path: Path) -> None:
    wheels = [
        build_wheel(
            tmp_path,
            f"space-{name}",
            "1.0",
            files={"space/__init__.py": name, f"space/{name}.py": "", "tests/conftest.py": name, "docs/conf.py": name},
        )
        for name in ("a", "b")
    ]
    assert read(unpack(tmp_path, *wheels)).remarks == ()


@pytest.mark.parametrize(
    ("tags", "remark"),
    [
        (("py2-none-any", "py3-none-any"), None),
        (("cp311-cp311-any",), None),
        (("cp38-abi3-any",), None),
        (("cp310-cp310-any", "cp311-cp311-any"), None),
        (("cp310-cp310-any",), "cp310-cp310, this environment has Python 3.11.7"),
        (("cp312-abi3-any",), "cp312-abi3, this environment has Python 3.11.7"),
        (("cp311-cp311t-any",), "cp311-cp311t, this environment has Python 3.11.7"),
        (("py2-none-any",), "py2-none, this environment has Python 3.11.7"),
        ((), None),
    ],
)
def test_a_wheel_built_for_another_python_is_remarked(
    tags: tuple[str, ...], remark: str | None, tmp_path: Path
) -> None:
    facts = read(unpack(tmp_path, build_wheel(tmp_path, "some", "1.0", tags=tags)))
    assert facts.remarks == ((f"some 1.0 was built for {remark}",) if remark else ())


@pytest.mark.skipif(sys.platform != "linux", reason="tags of glibc")
def test_a_wheel_built_for_a_newer_libc_or_another_platform_is_remarked(tmp_path: Path) -> None:
    wheels = [
        build_wheel(tmp_path, name, "1.0", tags=tags)
        for name, tags in {
            "newer": ("cp311-cp311-manylinux_2_99_x86_64", "cp311-cp311-manylinux_2_98_x86_64"),
            "other": ("py3-none-win_amd64",),
            "either": ("py3-none-win_amd64", "py3-none-any"),
        }.items()
    ]
    newer, other = read(unpack(tmp_path, *wheels)).remarks
    assert newer.startswith("newer 1.0 was built for manylinux_2_98_x86_64 or manylinux_2_99_x86_64, this machine is ")
    assert other.startswith("other 1.0 was built for win_amd64, this machine is Linux on ")


@pytest.mark.parametrize(
    ("first", "second", "is_remarked"),
    [
        ("../../libiomp5.so", "some/lib/libiomp5.so", True),
        ("a.libs/libomp-1a2b3c4d.so.5", "b/libiomp5.so", True),
        ("a.libs/libgomp-a34b3233.so.1.0.0", "b.libs/libgomp-d22c30c5.so.1.0.0", False),
        ("a.libs/libgomp-a34b3233.so.1.0.0", "b/libiomp5.so", False),
        ("a/libiompstubs5.so", "b/libomptarget.so", False),
    ],
)
def test_two_openmp_runtimes_are_remarked_only_when_they_are_known_to_collide(
    first: str, second: str, is_remarked: bool, tmp_path: Path
) -> None:
    wheels = [
        build_wheel(tmp_path, name, "1.0", files={}, binary={path: b"openmp"})
        for name, path in (("a", first), ("b", second))
    ]
    remarks = read(unpack(tmp_path, *wheels)).remarks
    assert [remark.partition(" each ")[0] for remark in remarks] == (
        [f"a ({Path(first).name}) and b ({Path(second).name})"] if is_remarked else []
    )


@pytest.mark.parametrize("installer", InstallerName)
def test_an_environment_is_read_the_same_whichever_installer_built_it(
    installer: InstallerName, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "numpy", "2.1.3")
    build_wheel(
        index.folder,
        "some",
        "1.0",
        requires=("numpy",),
        files={"some/__init__.py": ""},
        binary={f"some/_core{TAG}": extension(*BUILT_FOR_1)},
    )
    workshop = Workshop(folder=tmp_path, environ=environ)
    workshop.carry_out(installer, (("some",),), Routes(default=index.url))
    facts = read(workshop.environment())
    assert built_for(facts) == {f"some/_core{TAG}": "1"}
    listed = [distribution for distribution in facts.distributions if distribution.name in ("numpy", "some")]
    assert all(distribution.contents for distribution in listed)
    assert [replace(distribution, contents="") for distribution in listed] == [
        Distribution(name="numpy", version="2.1.3", modules=("numpy",)),
        Distribution(name="some", version="1.0", requires=("numpy",), modules=("some",)),
    ]
    assert facts.remarks == ()
