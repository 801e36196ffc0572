"""Check which combos a ``[[grid]]`` spans and how they are named, also by ``combo_ids``."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import knowngood
from declare.conftest import ProblemsOf, Read
from knowngood.declare.grids import combo_ids
from knowngood.model import InstallerName
from support.declared import lines

HEAD = '[matrix]\nprobes = ["imports"]\n'
GRID = "[[grid]]\n[grid.axes]\n"
PROJECT = {
    "probes/imports.py": "import numpy\n",
    "requirements.txt": "torch\n",
    "pyproject.toml": """
[project]
name = "mine"
version = "1"
dependencies = ["numpy>=1.24", "attrs", "pytz>=2024.1; python_version < '3.12'", "pytz>=2023.3"]
optional-dependencies = { s3 = ["boto3"], yaml = ["pyyaml>=5"] }
[dependency-groups]
test = ["pytest"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
""",
}


def ids(read: Read, text: str) -> list[str]:
    return [combo.id for combo in read(HEAD + text).combos]


def test_a_grid_is_the_product_of_its_axes_without_excluded_combos(read: Read) -> None:
    matrix = read(
        HEAD
        + """
[[grid]]
exclude = [{ numpy = "2.0.2", torch = "2.1.2" }]
[grid.axes]
numpy = ["1.24.3", "2.0.2"]
Torch = ["2.1.2", "2.5.1"]
"""
    )
    assert [(combo.id, combo.title, lines(combo), combo.axes) for combo in matrix.combos] == [
        (
            "numpy1.24.3-torch2.1.2",
            "numpy 1.24.3, torch 2.1.2",
            (("numpy==1.24.3", "torch==2.1.2"),),
            (("numpy", "1.24.3"), ("torch", "2.1.2")),
        ),
        (
            "numpy1.24.3-torch2.5.1",
            "numpy 1.24.3, torch 2.5.1",
            (("numpy==1.24.3", "torch==2.5.1"),),
            (("numpy", "1.24.3"), ("torch", "2.5.1")),
        ),
        (
            "numpy2.0.2-torch2.5.1",
            "numpy 2.0.2, torch 2.5.1",
            (("numpy==2.0.2", "torch==2.5.1"),),
            (("numpy", "2.0.2"), ("torch", "2.5.1")),
        ),
    ]


@pytest.mark.parametrize(
    ("value", "requirement", "combo_id"),
    [
        ("1.24.3", "numpy==1.24.3", "numpy1.24.3"),
        ("2.1.2+cpu", "numpy==2.1.2+cpu", "numpy2.1.2-cpu"),
        ("latest", "numpy", "numpy-latest"),
        ("pre", "numpy", "numpy-pre"),
        ("minors: >=1.26, <3", "numpy>=1.26,<3", "numpy-minors-ge1.26-lt3"),
        ("majors:>=1", "numpy>=1", "numpy-majors-ge1"),
        ("last:3", "numpy", "numpy-last-3"),
        ("spec0", "numpy", "numpy-spec0"),
        (">=2,<3", "numpy>=2,<3", "numpy-ge2-lt3"),
        (">= 2, < 3", "numpy>=2,<3", "numpy-ge2-lt3"),
        ("<2", "numpy<2", "numpy-lt2"),
        ("~=2.0", "numpy~=2.0", "numpy-like2.0"),
        ("==1.24.*", "numpy==1.24.*", "numpy-eq1.24.x"),
        ("!=2.0.0", "numpy!=2.0.0", "numpy-ne2.0.0"),
        ("1!2.0", "numpy==1!2.0", "numpy1-2.0"),
    ],
)
def test_a_value_of_an_axis_is_a_version_a_specifier_or_a_selector(
    read: Read, value: str, requirement: str, combo_id: str
) -> None:
    (combo,) = read(f'{HEAD}{GRID}numpy = ["{value}"]').combos
    assert (lines(combo), combo.id, combo.axes) == (
        ((requirement,),),
        combo_id,
        (("numpy", value.replace(": ", ":").replace(", ", ",") if ":" in value else value),),
    )


def test_the_id_names_only_axes_with_several_values_or_all_if_none_has_several(read: Read) -> None:
    assert ids(read, GRID + 'numpy = ["1.0", "2.0"]\ntorch = ["2.1.2"]') == ["numpy1.0", "numpy2.0"]
    assert ids(read, GRID + 'numpy = ["1.0"]\ntorch = ["2.1.2"]') == ["numpy1.0-torch2.1.2"]


def test_a_hyphen_separates_a_package_that_ends_in_a_digit_from_its_version(read: Read) -> None:
    assert ids(read, GRID + 'h5 = ["1.0", "2.0"]') == ["h5-1.0", "h5-2.0"]


def test_order_installer_and_python_add_suffixes_to_the_id(read: Read) -> None:
    text = """
[[grid]]
[grid.axes]
numpy = ["1.0"]
torch = ["2.0"]
order = ["together", "as-given", "reversed"]
installer = ["uv", "pip"]
python = ["3.11", "3.12"]
"""
    combos = read(HEAD + text).combos
    assert len({combo.id for combo in combos}) == 12
    by_id = {combo.id: combo for combo in combos}
    plain = by_id["numpy1.0-torch2.0-py3.11"]
    assert (lines(plain), plain.installer, plain.python) == ((("numpy==1.0", "torch==2.0"),), InstallerName.UV, "3.11")
    last = by_id["numpy1.0-torch2.0-as-given-pip-py3.12"]
    assert (lines(last), last.installer, last.python) == (
        (("numpy==1.0",), ("torch==2.0",)),
        InstallerName.PIP,
        "3.12",
    )
    assert last.title == "numpy 1.0, torch 2.0, as-given, pip, Python 3.12"
    assert lines(by_id["numpy1.0-torch2.0-reversed-py3.11"]) == (("torch==2.0",), ("numpy==1.0",))


def test_single_values_of_order_installer_and_python_add_no_suffix(read: Read) -> None:
    (combo,) = read(
        HEAD + GRID + 'numpy = ["1.0"]\norder = ["together"]\ninstaller = ["pip"]\npython = ["3.12"]'
    ).combos
    assert (combo.id, combo.installer, combo.python) == ("numpy1.0", InstallerName.PIP, "3.12")


def test_several_pythons_of_the_matrix_become_an_axis_of_the_grid(read: Read) -> None:
    text = '[matrix]\nprobes = ["imports"]\npython = ["3.11", "3.12"]\n[[grid]]\n'
    axes = '[grid.axes]\nnumpy = ["1.0"]\n'
    assert [(combo.id, combo.python) for combo in read(text + axes).combos] == [
        ("numpy1.0-py3.11", "3.11"),
        ("numpy1.0-py3.12", "3.12"),
    ]
    assert [combo.python for combo in read(text + 'exclude = [{ python = "3.11" }]\n' + axes).combos] == ["3.12"]


def test_a_long_grid_id_is_cut_and_stays_unique(read: Read) -> None:
    axes = "".join(f'some-long-package-name-{letter} = ["1.0", "2.0"]\n' for letter in "abcdef")
    generated = ids(read, GRID + axes)
    assert len(set(generated)) == 64
    assert all(len(combo_id) <= 100 for combo_id in generated)


def test_a_file_may_have_both_listed_combos_and_grids(read: Read) -> None:
    text = (
        HEAD + 'reference = "numpy2.0"\n[[combo]]\nid = "listed"\nsteps = [["x"]]\n' + GRID + 'numpy = ["1.0", "2.0"]'
    )
    assert [combo.id for combo in read(text).combos] == ["listed", "numpy1.0", "numpy2.0"]


@pytest.mark.parametrize(
    ("axes", "line", "where", "what", "hint"),
    [
        ("numpy = []", 5, "grid[0].axes.numpy", "no values", "remove the axis"),
        ('numpy = "1.0"', 5, "grid[0].axes.numpy", "must be an array, not a string", '["'),
        ('numpy = ["1.0", 1.10]', 5, "grid[0].axes.numpy[1]", "a version must be a string", 'write "1.10"'),
        ('numpy = [\n "1.0",\n "1.0"\n]', 7, "grid[0].axes.numpy[1]", "duplicate value '1.0'", "remove one"),
        ('numpy = ["1.0", "v1.0"]', 5, "grid[0].axes.numpy[1]", "duplicate value 'v1.0'", "remove one"),
        ('numpy = ["1.24.*"]', 5, "grid[0].axes.numpy[0]", "invalid version '1.24.*'", "'==1.24.*'"),
        ('numpy = [" 1.0"]', 5, "grid[0].axes.numpy[0]", "spaces", "'1.0'"),
        ('numpy = [">=2\\n--index-url=x"]', 5, "grid[0].axes.numpy[0]", "invalid version '>=2", ""),
        ('numpy = ["===1 ; -r x"]', 5, "grid[0].axes.numpy[0]", "invalid version '===1 ; -r x'", ""),
        ('numpy = [""]', 5, "grid[0].axes.numpy[0]", "invalid version ''", ""),
        ('"../x" = ["1.0"]', 5, "grid[0].axes.'../x'", "invalid package name '../x'", ""),
        ('numpy = ["1"]\nNumPy = ["2"]', 6, "grid[0].axes.NumPy", "duplicate axis 'numpy'", "package names"),
        ('order = ["reversed"]', 4, "grid[0].axes", "nothing to install", "add a package"),
        (
            'numpy = ["1"]\norder = ["revered"]',
            6,
            "grid[0].axes.order[0]",
            "invalid value 'revered'",
            "did you mean 'reversed'?",
        ),
        (
            'numpy = ["1"]\ninstaller = ["conda"]',
            6,
            "grid[0].axes.installer[0]",
            "invalid value 'conda'",
            "use one of: 'uv', 'pip'",
        ),
        ('numpy = ["1"]\npython = [3.10]', 6, "grid[0].axes.python[0]", "must be a string", 'write "3.10"'),
    ],
)
def test_a_wrong_axis_is_reported_with_line_path_and_hint(
    problems_of: ProblemsOf, axes: str, line: int, where: str, what: str, hint: str
) -> None:
    (problem,) = problems_of(f"{HEAD}{GRID}{axes}")
    assert (problem.line, problem.where) == (line, where)
    assert what in problem.what
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("entries", "line", "where", "what", "hint"),
    [
        ('exclude = [{ nunpy = "1" }]', 4, "exclude[0].nunpy", "unknown axis 'nunpy'", "did you mean 'numpy'?"),
        ('exclude = [{ numpy = "2" }]', 4, "exclude[0].numpy", "unknown value '2' of numpy: nothing is exc", "'1'"),
        ('exclude = [{ numpy = ["1", "2"] }]', 4, "exclude[0].numpy", "unknown value '2' of numpy", "'1'"),
        ("exclude = [{ numpy = [] }]", 4, "exclude[0].numpy", "at least one value", "leave the axis out"),
        ("exclude = [\n  {}\n]", 5, "exclude[0]", "at least one axis", ""),
        ('exclude = { numpy = "1" }', 4, "exclude", "array of tables", "[{ numpy"),
        ('exclude = [{ numpy = "1" }]', 4, "exclude", "every combination", "keep at least one"),
        ('include = [{ nunpy = "1" }]', 4, "include[0].nunpy", "unknown axis 'nunpy'", "did you mean 'numpy'?"),
        ('include = [{ numpy = "newest" }]', 4, "include[0].numpy", "invalid version 'newest'", "write 'latest'"),
        ('include = [{ with = "new" }]', 4, "include[0].with", "unknown list 'new'", ""),
    ],
)
def test_a_wrong_entry_of_exclude_or_include_is_reported_with_line_path_and_hint(
    problems_of: ProblemsOf, entries: str, line: int, where: str, what: str, hint: str
) -> None:
    (problem,) = problems_of(f'{HEAD}[[grid]]\n{entries}\n[grid.axes]\nnumpy = ["1"]')
    assert (problem.line, problem.where) == (line, f"grid[0].{where}")
    assert what in problem.what
    assert hint in problem.hint


@pytest.mark.parametrize(("axes", "count"), [(6, "1,000,000"), (12, "1,000,000,000,000"), (400, "more than 10^18")])
def test_a_huge_grid_is_refused_immediately_with_its_size(problems_of: ProblemsOf, axes: int, count: str) -> None:
    text = HEAD + GRID + "".join(f"p{n} = {[str(v) for v in range(10)]}\n" for n in range(axes))
    (problem,) = problems_of(text)
    assert (problem.line, problem.where) == (3, "grid[0]")
    assert f"has {count} combos; the limit is 10,000" in problem.what
    assert combo_ids(tomllib.loads(text)) == ()


def test_listed_combos_count_towards_the_limit(problems_of: ProblemsOf, read: Read) -> None:
    axes = "".join(f"p{n} = {[str(v) for v in range(10)]}\n" for n in range(4))
    assert len(read(f"{HEAD}{GRID}{axes}").combos) == 10_000
    (problem,) = problems_of(f'{HEAD}[[combo]]\nid = "a"\nsteps = [["x"]]\n{GRID}{axes}')
    assert "10,001 combos" in problem.what


def test_values_whose_ids_collide_are_refused(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(HEAD + GRID + 'numpy = ["1.0", "1-0"]')
    assert (problem.line, problem.where) == (3, "grid[0]")
    assert "'numpy1-0' collides with 'numpy1.0' on line 3" in problem.what


GOOD_VALUES = st.sampled_from(["1.0", "1.24.3", "2.0.2", "latest", ">=2,<3", "<2", "~=1.0", "2.1.2+cpu"])


@given(
    axes=st.dictionaries(
        st.sampled_from(["numpy", "Torch", "h5", "order-less", "zope.interface"]),
        st.lists(GOOD_VALUES, min_size=1, max_size=3, unique=True),
        min_size=1,
        max_size=3,
    ),
    order=st.lists(st.sampled_from(["as-given", "reversed", "together"]), min_size=1, max_size=3, unique=True),
    installer=st.lists(st.sampled_from(["uv", "pip"]), min_size=1, max_size=2, unique=True),
    pythons=st.lists(st.sampled_from(["3.10", "3.11", "3.12"]), min_size=1, max_size=3, unique=True),
    own=st.lists(st.sampled_from(["3.10", "3.13"]), max_size=2, unique=True),
)
def test_combo_ids_returns_the_ids_of_the_parsed_matrix(
    read: Read,
    axes: Mapping[str, list[str]],
    order: list[str],
    installer: list[str],
    pythons: list[str],
    own: list[str],
) -> None:
    spanned = "".join(f'"{name}" = {values}\n' for name, values in axes.items())
    text = (
        f'[matrix]\nprobes = ["imports"]\npython = {pythons}\n'
        f'[[combo]]\nid = "listed"\nsteps = [["x"]]\n{f"python = {own}" if own else ""}\n'
        f"{GRID}{spanned}order = {order}\ninstaller = {installer}\n"
    )
    assert combo_ids(tomllib.loads(text)) == tuple(combo.id for combo in read(text).combos)


def test_combo_ids_leaves_out_invalid_entries() -> None:
    raw = {
        "matrix": {"python": [3.11, "3.12"]},
        "combo": [{"id": "good"}, {"id": "Bad Id"}, {"id": 7}, {}, "text", {"id": "good"}],
        "grid": [{"axes": {"numpy": ["1.0", 2.0, "last:x"], "torch": "2.0", "order": ["sideways"]}, "exclude": 3}],
    }
    assert combo_ids(raw) == ("good", "numpy1.0")


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["1.0", "3.11", "x"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "python", "numpy", "order", "exclude", "include", "axes", "env", "with", "as-of", "", "\0"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=30,
)


@given(raw=st.dictionaries(st.sampled_from(["matrix", "combo", "grid", "axes"]), ANYTHING))
def test_combo_ids_never_raises(raw: dict[str, object]) -> None:
    assert all(isinstance(combo_id, str) for combo_id in combo_ids(raw))


@pytest.mark.parametrize(
    "raw", [{"grid": [{"axes": {("a",): [1]}}]}, {"combo": {"id": "x"}}, {"grid": [{"exclude": [{3: 4}]}]}]
)
def test_combo_ids_accepts_keys_that_toml_does_not_have(raw: Mapping[str, object]) -> None:
    assert combo_ids(raw) == ()


def test_combo_ids_needs_only_the_standard_library_and_packaging() -> None:
    script = (
        "import sys\n"
        "import knowngood.declare.grids\n"
        "roots = {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted(roots - set(sys.stdlib_module_names) - {'__main__', '__mp_main__'}))\n"
    )
    source = Path(knowngood.__file__).parent.parent
    site = [path for path in sys.path if path.endswith("site-packages")]
    code = f"import sys; sys.path[:0] = {[str(source), *site]!r}\n{script}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["knowngood", "packaging"]
