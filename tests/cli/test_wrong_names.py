"""A wrong name, of whatever, is answered with a short list of what may be meant, and with what to do next."""

import pytest

from support.project import Project

COMBOS = "".join(f'[[combo]]\nid = "combo-{number:02}"\nsteps = [["tiny=={number}"]]\n' for number in range(40))
MATRIX = f'[[probe]]\nid = "imports"\nsource = "import tiny"\n{COMBOS}'
LONGEST = 200  # columns of a line of a message


@pytest.fixture
def shops(project: Project) -> Project:
    """A project with 14 matrices of 40 combos."""
    project.matrix.parent.mkdir()
    for number in range(14):
        project.matrix.with_name(f"shop{number:02}.toml").write_text(MATRIX, encoding="utf-8")
    return project


def refused(project: Project, *arguments: str) -> dict[str, str]:
    """Return the lines of the message by what they begin with."""
    result = project.run(*arguments)
    assert result.returncode in (2, 4) and not result.stdout, result.stdout + result.stderr
    lines = result.stderr.splitlines()
    assert [line for line in lines if len(line) > LONGEST] == []
    message = dict(line.split(": ", 1) for line in lines)
    assert [*message] in (["error", "cause", "next"], ["error", "next"]), result.stderr
    return message


FIVE = "shop00, shop01, shop02, shop03, shop04 and 9 more"


@pytest.mark.parametrize(
    "arguments",
    [("run", "sho"), ("plan", "sho"), ("list", "sho"), ("diff", "sho"), ("docs", "--matrix", "sho")]
    + [(verb, "--matrix", "sho") for verb in ("explain", "report", "publish")]
    + [("export", "combo-01", "--matrix", "sho")],
)
def test_a_wrong_matrix(shops: Project, arguments: tuple[str, ...]) -> None:
    message = refused(shops, *arguments)

    assert message["error"] == "no matrix 'sho'"
    assert message["cause"] == f"there is no such file, and matrices/ holds: {FIVE}"
    assert message["next"] == "give one of the names in matrices/, or the path of a TOML file"


@pytest.mark.parametrize("verb", ["run", "plan", "list", "diff", "report", "publish", "explain"])
def test_no_matrix_where_there_are_several(shops: Project, verb: str) -> None:
    message = refused(shops, verb)

    assert message == {
        "error": "which matrix?",
        "cause": f"matrices/ holds: {FIVE}",
        "next": "name one, or the path of its file; `run --all` takes all of them",
    }


@pytest.mark.parametrize(
    "arguments",
    [(verb, "shop00", "--only", "zzz") for verb in ("run", "plan", "list")]
    + [(verb, "zzz", "--matrix", "shop00") for verb in ("explain", "export")],
)
def test_a_wrong_combo(shops: Project, arguments: tuple[str, ...]) -> None:
    message = refused(shops, *arguments)

    assert message["error"] == "no combo matches 'zzz'"
    assert message["cause"] == "combos: combo-00, combo-01, combo-02, combo-03, combo-04 and 35 more"
    assert message["next"] == "`knowngood list` prints all combos of a matrix"


@pytest.mark.parametrize(
    ("arguments", "error", "cause"),
    [
        (("report", "--format", "markdwn"), "invalid --format 'markdwn'", "did you mean markdown?"),
        (
            ("report", "--format", "x"),
            "invalid --format 'x'",
            "there are: table, markdown, json, html, junit and 9 more",
        ),
        (("plan", "--format", "jsn"), "invalid --format 'jsn'", "did you mean json?"),
        (("explain", "--format", "jso"), "invalid --format 'jso'", "did you mean json?"),
        (("diff", "--format", "mark"), "invalid --format 'mark'", "did you mean markdown?"),
        (("export", "a", "--format", "req"), "invalid --format 'req'", "did you mean requirements?"),
        (("run", "--progress", "boad"), "invalid --progress 'boad'", "did you mean board?"),
        (("run", "--no-optimization", "cahce"), "invalid --no-optimization 'cahce'", "did you mean cache?"),
    ],
)
def test_a_wrong_choice(shops: Project, arguments: tuple[str, ...], error: str, cause: str) -> None:
    message = refused(shops, *arguments)

    assert (message["error"], message["cause"]) == (error, cause)
    assert message["next"] == f"`knowngood {arguments[0]} --help` lists all choices"


@pytest.mark.parametrize(
    ("arguments", "error", "cause", "after"),
    [
        (("rnu",), "knowngood has no command 'rnu'", "did you mean run?", "`knowngood --help` lists all commands"),
        (("cache", "shw"), "knowngood cache has no command 'shw'", "did you mean show?", "`knowngood cache --help`"),
        (("run", "--ony"), "knowngood run has no option --ony", "did you mean --only?", "`knowngood run --help` lists"),
        (("--foo",), "knowngood has no option --foo", "", "`knowngood --help` lists all options"),
        (("run", "--only"), "option '--only' requires an argument", "", "`knowngood run --help` lists what it takes"),
        (("export",), "knowngood export needs COMBO", "", "`knowngood export --help` lists what it takes"),
        (
            ("plan", "--shards", "999"),
            "invalid value for '--shards': 999 is not from 1 to 256",
            "",
            "`knowngood plan --help` lists what it takes",
        ),
    ],
)
def test_a_wrong_verb_or_option(shops: Project, arguments: tuple[str, ...], error: str, cause: str, after: str) -> None:
    message = refused(shops, *arguments)

    assert (message["error"], message.get("cause", "")) == (error, cause)
    assert message["next"].startswith(after)


def test_help_is_printed_as_ever(shops: Project) -> None:
    assert shops.run("--help").returncode == 0 and shops.run("run", "--help").returncode == 0
    assert "Usage: knowngood [OPTIONS]" in shops.run().stderr
