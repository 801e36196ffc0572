"""Test a combo as requirements, constraints, a fragment of a Dockerfile and a ``pylock.toml``."""

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from packaging.pylock import Pylock

from knowngood import model
from knowngood.errors import UndecidedError, UsageError
from knowngood.judge.verdict import judge
from knowngood.model import (
    ComboFacts,
    Distribution,
    EnvironmentFacts,
    IndexChoice,
    Outcome,
    Reused,
    Run,
    SourceFacts,
    StepFacts,
)
from knowngood.report.export import dockerfile, pylock, requirements
from knowngood.report.export.evidence import Proof, comment, header, parts, pins
from report.hostile import CORPUS, anything, dangerous, poisoned
from support.facts import RULES, attempt, check, combo, facts, step
from support.facts import info as any_info

STEPS = (("numpy",), ("torch[opt]==2.1.2", "old; python_version < '3'"))
INSTALLED = ({"numpy": "2.0.2"}, {"numpy": "1.26.4", "sympy": "1.12", "torch": "2.1.2+cpu"})
A, B, C, D = ("sha256:" + letter * 64 for letter in "abcd")
LOCKS = {
    1: f"numpy==2.0.2 \\\n    --hash={D}\n",
    2: f"numpy==1.26.4 \\\n    --hash={B} \\\n    --hash={A}\nSymPy==1.12.0 --hash={C}\n"
    f"torch==2.1.2+cpu \\\n    --hash={D}\n",
}
OWN = IndexChoice(
    name="pytorch-cpu",
    asked="https://download.pytorch.org/whl/cpu",
    used="https://download.pytorch.org/whl/cpu",
    packages=("torch", "torchvision"),
    why="reachable",
)
SECRET = "https://***@packages.example/simple?token=***"
DEFAULT = replace(OWN, name="ours", asked=SECRET, used=SECRET, packages=())
FELL_BACK = replace(OWN, used="default", why="answered 503")

INFO = replace(any_info(), versions={"knowngood": "0.1.0", "uv": "1"})

EVIDENCE = """\
# Proven by knowngood: every probe of this combo passed with exactly these versions.
#
# combo      one: NumPy first
# matrix     embedding: Embeddings
# run        20260101-000000-abcd of 2026-01-01
# probe      works: pass on Python 3.11.7, Linux
# index      the installer's own default
"""
END = """\
# made by    knowngood 0.1.0, uv 1
# prove it   knowngood run embedding --only one --fresh
"""


def built(
    *, steps: tuple[tuple[str, ...], ...] = STEPS, installed: tuple[Mapping[str, str], ...] = INSTALLED
) -> ComboFacts:
    done = tuple(step(number, asked, installed[number - 1]) for number, asked in enumerate(steps, start=1))
    return facts(attempt(check("a")), of=replace(combo("one", *steps), title="NumPy first"), steps=done)


def proof(of: ComboFacts | None = None, *, indexes: tuple[IndexChoice, ...] = ()) -> Proof:
    subject = of or built()
    return Proof(judged=judge(Run(info=INFO, combos=(subject,), indexes=indexes, finished=True), RULES), facts=subject)


def failing() -> ComboFacts:
    return replace(built(), probes=(attempt(check("a", Outcome.FAILED, "numpy says no")),))


def conflicting() -> ComboFacts:
    """Return a combo that passed although torch declares another NumPy, a missing package, and one for its extra."""
    declared = ("numpy<1.26", "filelock", "triton; extra == 'opt'", "old; python_version < '3'")
    torch = Distribution(name="torch", version="2.1.2+cpu", requires=declared)
    return replace(built(), environment=EnvironmentFacts(distributions=(torch,)))


def test_requirements_are_pinned_with_hashes_in_the_order_of_the_steps() -> None:
    note = "# note       complete list: pip install --no-deps -r FILE, or uv pip install --no-deps -r FILE\n"
    assert requirements.render(proof(), LOCKS) == (
        f"{EVIDENCE}{note}{END}"
        "\n# step 1: numpy\n"
        "\n# step 2: torch[opt]==2.1.2 old; python_version < '3'\n"
        f"numpy==1.26.4 \\\n    --hash={A} \\\n    --hash={B}\n"
        f"sympy==1.12 \\\n    --hash={C}\n"
        f"torch==2.1.2+cpu \\\n    --hash={D}\n"
    )


def test_requirements_have_no_hashes_unless_every_package_has_some() -> None:
    text = requirements.render(proof(), {2: f"numpy==1.26.4 --hash={A}\nsympy==1.12\n"})

    assert "--hash" not in text
    assert "# note       without hashes: " in text
    assert "\nnumpy==1.26.4\nsympy==1.12\ntorch==2.1.2+cpu\n" in text


def test_requirements_name_the_indexes_that_the_run_used_without_their_secrets() -> None:
    text = requirements.render(proof(indexes=(OWN, DEFAULT)), LOCKS)

    assert (
        "\n--index-url https://packages.example/simple\n"
        "--find-links https://download.pytorch.org/whl/cpu/torch/\n"
        "--find-links https://download.pytorch.org/whl/cpu/torchvision/\n"
    ) in text
    assert (
        "# index      pytorch-cpu: https://download.pytorch.org/whl/cpu for torch, torchvision\n"
        "# index      ours: https://packages.example/simple; it needs credentials, which are not shown here\n"
    ) in text
    assert "token" not in text


def test_one_command_installs_what_a_cell_installed_from_the_indexes_of_its_run() -> None:
    run = replace(proof().judged.run, indexes=(OWN,))
    (cell,) = proof().cells
    assert requirements.install_line(cell, run) == (
        "pip install --no-deps --find-links https://download.pytorch.org/whl/cpu/torch/ "
        "--find-links https://download.pytorch.org/whl/cpu/torchvision/ numpy==1.26.4 sympy==1.12 torch==2.1.2+cpu"
    )
    mine = replace(cell, tested=(model.Tested(name="numpy", version="1.26.4", origin="."),))
    assert "numpy" not in requirements.install_line(mine, replace(run, indexes=()))
    hostile = replace(cell, installed={"a; rm": "1"})
    assert requirements.install_line(hostile, run) == ""


def test_constraints_are_sorted_and_have_no_hashes() -> None:
    assert requirements.constraints(proof()) == f"{EVIDENCE}{END}\nnumpy==1.26.4\nsympy==1.12\ntorch==2.1.2+cpu\n"


def test_a_dockerfile_runs_the_steps_in_order_at_the_proven_versions() -> None:
    assert dockerfile.render(proof()) == (
        f"{EVIDENCE}{END}"
        "\n# Put this below a FROM with Python 3.11, such as python:3.11-slim.\n"
        "ARG CONSTRAINTS=/tmp/knowngood-constraints.txt\n"
        "\n# All proven versions: they keep a step from moving what an earlier one installed.\n"
        "RUN printf '%s\\n' \\\n    numpy==1.26.4 \\\n    sympy==1.12 \\\n    torch==2.1.2+cpu \\\n"
        '    > "$CONSTRAINTS"\n'
        "\n# step 1: numpy\n"
        'RUN pip install --no-cache-dir --constraint "$CONSTRAINTS" \\\n    numpy==1.26.4\n'
        "\n# step 2: torch[opt]==2.1.2 old; python_version < '3'\n"
        "RUN pip install --no-cache-dir --constraint \"$CONSTRAINTS\" \\\n    'torch[opt]==2.1.2+cpu'\n"
    )


def test_a_dockerfile_names_an_index_of_some_packages_only_in_the_step_that_installs_them() -> None:
    text = dockerfile.render(proof(indexes=(OWN,)))

    first, second = re.findall("^RUN pip install.*", text, re.MULTILINE)
    assert "index-url" not in first
    assert second.endswith(" --extra-index-url https://download.pytorch.org/whl/cpu \\")
    runs = re.findall("^RUN pip install.*", dockerfile.render(proof(indexes=(DEFAULT,))), re.MULTILINE)
    assert all(" --index-url https://packages.example/simple \\" in run for run in runs)


def test_an_index_that_the_run_could_not_use_is_noted_but_not_an_option() -> None:
    text = dockerfile.render(proof(indexes=(FELL_BACK,)))

    assert "index-url" not in text
    assert (
        "# note       index pytorch-cpu was not used: torch, torchvision came from the default index (answered 503)"
        in text
    )


def test_a_set_with_conflicts_is_installed_without_resolving() -> None:
    text = dockerfile.render(proof(conflicting()))

    assert proof(conflicting()).conflicts == (
        "torch 2.1.2+cpu declares filelock, and it is not installed",
        "torch 2.1.2+cpu declares numpy<1.26, and numpy 1.26.4 is installed",
        "torch 2.1.2+cpu declares triton, and it is not installed",
    )
    assert "# conflict   torch 2.1.2+cpu declares numpy<1.26, and numpy 1.26.4 is installed\n" in text
    command = 'RUN pip install --no-cache-dir --constraint "$CONSTRAINTS" --no-deps \\\n'
    assert f"{command}    'torch[opt]==2.1.2+cpu' \\\n    numpy==1.26.4 \\\n    sympy==1.12 \\\n" in text


def test_the_exports_of_a_set_with_conflicts_say_how_they_can_be_installed() -> None:
    made = requirements.render(proof(conflicting()), LOCKS)
    assert "# note       without --no-deps it cannot be installed: a resolver refuses it" in made
    constraints = requirements.constraints(proof(conflicting()))
    assert "# note       because of the conflicts, no resolver can install these packages under these" in constraints
    assert "conflict" not in requirements.render(proof(), LOCKS) + requirements.constraints(proof())


def file(kind: str, letter: str, host: str = "https://packages.example") -> str:
    return f'{{ url = "{host}/{kind}?t=1#x", size = 1, hashes = {{ sha256 = "{letter * 64}" }} }}'


UV = f"""
lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.11.7"

[[packages]]
name = "numpy"
version = "1.26.4"
sdist = {file("numpy-1.26.4.tar.gz", "f")}
wheels = [
  {file("numpy-1.26.4-py3-none-any.whl", "a", "https://me:secret@packages.example")},
  {file("numpy-1.26.4-1-py3-none-any.whl", "e")},
]

[[packages]]
name = "sympy"
version = "1.12"
sdist = {file("sympy-1.12.tar.gz", "c")}

[[packages]]
name = "torch"
version = "2.1.2+cpu"
wheels = [{file("torch-2.1.2+cpu-py3-none-any.whl", "d")}]
"""


def test_a_pylock_has_only_the_proven_files_at_urls_without_secrets() -> None:
    text = pylock.render(proof(), UV, LOCKS)

    assert text.startswith(EVIDENCE)
    assert "secret" not in text
    assert "?t=1" not in text
    read = Pylock.from_dict(tomllib.loads(text))
    assert (read.created_by, str(read.requires_python)) == ("knowngood", "==3.11.*")
    numpy, sympy, torch = read.packages
    assert numpy.sdist is None
    assert [wheel.url for wheel in numpy.wheels or ()] == ["https://packages.example/numpy-1.26.4-py3-none-any.whl"]
    assert sympy.sdist is not None and sympy.sdist.hashes == {"sha256": "c" * 64}
    assert str(torch.version) == "2.1.2+cpu"


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        ('version = "2.1.2+cpu"', 'version = "2.1.2"', "list other versions"),
        ('name = "sympy"', 'name = "numpy"', "list other versions"),
        ("d" * 64, "e" * 64, "torch 2.1.2+cpu: no index offers a file that the run installed"),
        ("c" * 64, "e" * 64, "sympy 1.12: no index offers a file that the run installed"),
        (
            'sha256 = "' + "d" * 64,
            'md5 = "0", sha256 = "' + "d" * 64,
            "torch 2.1.2+cpu: a file has no hash, or one that",
        ),
        (
            'url = "https://packages.example/torch-2.1.2+cpu-py3-none-any.whl?t=1#x"',
            'path = "/srv/torch-2.1.2+cpu-py3-none-any.whl"',
            "a folder on this machine",
        ),
        (
            '"https://packages.example/torch-2.1.2+cpu-py3-none-any.whl',
            '"file:///srv/torch-2.1.2+cpu-py3-none-any.whl',
            "a folder on this machine",
        ),
        ("[[packages]]", "[packages", "invalid output of uv"),
        ('lock-version = "1.0"', "", "invalid output of uv"),
        ('name = "sympy"', "", "invalid output of uv"),
    ],
)
def test_no_pylock_is_written_if_its_files_are_not_the_proven_ones(before: str, after: str, cause: str) -> None:
    assert before in UV

    with pytest.raises(UndecidedError) as caught:
        pylock.render(proof(), UV.replace(before, after), LOCKS)

    assert cause in caught.value.cause


def test_a_package_without_recorded_hashes_gets_those_of_the_index_and_a_note() -> None:
    bare = {2: LOCKS[2].replace(f" \\\n    --hash={D}", "")}

    text = pylock.render(proof(), UV.replace("d" * 64, "e" * 64), bare)

    assert "# note       hashes as of today, because the run recorded none: torch\n" in text
    assert "e" * 64 in text
    with pytest.raises(UndecidedError) as caught:
        pylock.render(proof(), UV, {2: bare[2].replace("torch==", "other==")})
    assert caught.value.cause == "uv or the locks of the run list other versions"


def test_the_export_of_a_combo_that_did_not_pass_says_so_in_its_first_line() -> None:
    doubted = proof(failing())

    assert doubted.doubts == ("works: fail (probe): numpy says no",)
    for text in (requirements.render(doubted, LOCKS), requirements.constraints(doubted), dockerfile.render(doubted)):
        assert text.startswith("# NOT PROVEN - NOT PROVEN - NOT PROVEN: ")
        assert "\n# WHY        works: fail (probe): numpy says no\n" in text
        assert "Proven by" not in text
    assert pylock.render(doubted, UV, LOCKS).startswith("# NOT PROVEN")
    assert proof().doubts == ()


def test_the_evidence_of_a_reused_verdict_names_the_run_it_comes_from() -> None:
    taken = replace(built(), reused=Reused(run="r0", combo="two", recorded="2025-12-31T00:00:00+00:00", key="k"))

    assert "# probe      works: pass, reused from run r0 of 2025-12-31 (combo two) on Python 3.11.7, Linux" in (
        header(proof(taken))
    )


def test_the_pip_of_an_environment_is_exported_only_if_a_step_requests_it() -> None:
    with_pip = built(steps=(("numpy",),), installed=({"numpy": "1.0", "pip": "26.0"},))
    requested = replace(with_pip, steps=(replace(with_pip.steps[0], resolved={"pip": "26.0"}),))

    assert pins(with_pip) == {"numpy": "1.0"}
    assert pins(requested) == {"numpy": "1.0", "pip": "26.0"}


def test_a_distribution_belongs_to_the_step_that_brought_it_to_its_last_version() -> None:
    first = {"moved": "1.0", "stays": "1.0"}
    kept = built(steps=(("moved", "stays"), ("mover",)), installed=(first, first | {"moved": "2.0", "mover": "1.0"}))

    assert [(part.own, part.brought) for part in parts(kept)] == [
        (("moved==2.0", "stays==1.0"), ("stays==1.0",)),
        (("mover==1.0",), ("moved==2.0", "mover==1.0")),
    ]


def with_sources() -> ComboFacts:
    """Return a combo of a project in place, a wheel on disk and a commit of a repository."""
    commit = "c" * 40
    sources = (
        SourceFacts(name="mine", version="1.0", origin=".", extras=("x",), editable=True, commit=commit, dirty=True),
        SourceFacts(name="given", version="2.0", origin="dist/given-2.0-py3-none-any.whl"),
        SourceFacts(name="forked", version="3.0", origin="git+https://example.org/f#subdirectory=py", commit=commit),
        SourceFacts(name="replaced", version="4.0", origin="./replaced"),
    )
    installed = {"mine": "1.0", "given": "2.0", "forked": "3.0", "numpy": "1.26.4", "replaced": "4.1"}
    subject = built(steps=(("numpy", "mine>=1"),), installed=(installed,))
    return replace(subject, steps=(replace(subject.steps[0], sources=sources),))


def test_what_is_not_from_an_index_is_installed_as_the_step_declared_it() -> None:
    lines = requirements.render(proof(with_sources()), LOCKS).splitlines()

    assert lines[lines.index("# step 1: numpy mine>=1") + 1 :] == [
        f"forked @ git+https://example.org/f@{'c' * 40}#subdirectory=py",
        "./dist/given-2.0-py3-none-any.whl",
        "-e .[x]",
        "numpy==1.26.4",
        "replaced==4.1",
    ]
    assert any("run it in the folder of the project" in line for line in lines)


def test_constraints_leave_out_what_is_not_from_an_index_and_say_so() -> None:
    text = requirements.constraints(proof(with_sources()))

    assert text.splitlines()[-2:] == ["numpy==1.26.4", "replaced==4.1"]
    assert "without mine, which is not from an index: .[x]" in text


def test_a_dockerfile_copies_the_project_before_the_step_that_installs_it() -> None:
    text = dockerfile.render(proof(with_sources()))

    assert "mine==" not in text and "given==" not in text
    _, _, after = text.partition("# step 1: numpy mine>=1\n")
    assert after.splitlines()[:3] == [
        "# The build context must be the folder of the project.",
        "WORKDIR /project",
        "COPY . .",
    ]
    words = shlex.split(after.replace("\\\n", " "))
    assert {"--editable=.[x]", "./dist/given-2.0-py3-none-any.whl", "numpy==1.26.4"} <= set(words)


def test_a_step_that_was_not_installed_adds_nothing_to_an_export() -> None:
    cut = replace(built(), steps=(built().steps[0], StepFacts(number=2, requirements=STEPS[1])))

    assert [part.brought for part in parts(cut)] == [("numpy==2.0.2",)]
    with pytest.raises(UsageError, match="nothing to export for one"):
        pins(replace(built(), steps=()))


@pytest.mark.parametrize(
    "installed",
    [
        {"numpy": "1.0\nRUN evil"},
        {"numpy": "1.0\n"},
        {"numpy": "1.0 --index-url https://evil.example"},
        {"numpy": "${HOME}"},
        {"numpy": ""},
        {"numpy\n--index-url https://evil.example": "1.0"},
        {"numpy\n": "1.0"},
        {"-r evil": "1.0"},
        {"": "1.0"},
    ],
)
def test_an_invalid_name_or_version_is_refused(installed: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="cannot export"):
        requirements.constraints(proof(built(steps=(("numpy",),), installed=(installed,))))


LINE = re.compile(
    r"#.*|"
    r"|[a-z0-9-]+==[0-9.]+( \\)?|    --hash=sha256:[0-9a-f]{64}( \\)?"
    r"|--no-index|--(index-url|find-links) \S+"
)


def hostile(text: str) -> Proof:
    """Return a proof in which every text that others write is ``text``."""
    subject = built(steps=(("numpy",),), installed=({"numpy": "1.26.4"},))
    index = IndexChoice(name=text, asked=text, used=text, packages=(), why=text)
    own = replace(index, packages=("numpy",))
    back = replace(own, used="default")
    hostile_info = replace(
        INFO, title=text, matrix=text, platform=text, started=text, command=text, id=text, versions={text: text}
    )
    run = Run(info=hostile_info, combos=(subject,), indexes=(index, own, back), interrupted=text)
    asked = replace(subject.steps[0], requirements=(text, "numpy"))
    of = replace(subject, combo=replace(subject.combo, title=text), python_version=text, steps=(asked,))
    return Proof(judged=judge(run, RULES), facts=of)


@given(anything())
def test_no_text_breaks_out_of_its_comment(text: str) -> None:
    given_ = hostile(text)
    made = requirements.render(given_, {1: f"numpy==1.26.4 --hash={A}"})

    for export in (made, requirements.constraints(given_), dockerfile.render(given_)):
        assert not dangerous(export.replace("\n", ""))
        assert export.split("\n")[:2] == EVIDENCE.split("\n")[:2]
        # Some readers join a comment that ends in a backslash with the next line.
        assert not [line for line in export.split("\n") if line.startswith("#") and line.endswith("\\")]
    assert not [line for line in made.split("\n") if not LINE.fullmatch(line)]
    instructions = [line for line in dockerfile.render(given_).split("\n") if line and not line.startswith("#")]
    assert [line for line in instructions if not line.startswith("    ")] == [
        "ARG CONSTRAINTS=/tmp/knowngood-constraints.txt",
        "RUN printf '%s\\n' \\",
        next(line for line in instructions if line.startswith("RUN pip")),
    ]
    for line in instructions:
        shlex.split(line.removesuffix("\\"))


def test_a_comment_is_never_joined_with_the_next_line() -> None:
    assert comment("a \\ b\n \\ \\\\ \\") == "# a \\ b"
    titled = replace(built(), combo=replace(built().combo, title="ends in \\"))
    assert "# combo      one: ends in" in header(proof(titled))


@given(anything())
def test_a_pylock_stays_valid_whatever_its_evidence_says(text: str) -> None:
    given_ = hostile(text)
    comments = "\n".join([*header(given_, text), *map(comment, (text, f"step: {text}"))])

    assert tomllib.loads(comments) == {}


def test_every_line_of_the_evidence_of_a_hostile_run_is_a_comment() -> None:
    for number in range(len(CORPUS)):
        texts = iter((CORPUS[number:] + CORPUS[:number]) * 10)
        judged = poisoned(lambda texts=texts: next(texts))  # type: ignore[misc]
        for subject in judged.run.combos:
            lines = header(Proof(judged=judged, facts=subject))
            assert all(line.startswith("#") and not dangerous(line) for line in lines)


def test_rendering_the_same_proof_twice_gives_the_same_bytes() -> None:
    assert requirements.render(proof(), LOCKS) == requirements.render(proof(), dict(reversed(LOCKS.items())))
    assert pylock.render(proof(), UV, LOCKS) == pylock.render(proof(), UV, LOCKS)
