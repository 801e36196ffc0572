"""Run the command of a probe between its setup and teardown commands, in one folder and with the same variables."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from knowngood.model import Action, Check, Ending, Exit, Outcome, Probe, Problem, ProblemKind, Raised, Transcript
from knowngood.process import Processes
from knowngood.process.commands import Session
from knowngood.process.files import read_regular
from knowngood.process.sandbox import ALL_READ_ONLY, Access, Sandbox
from knowngood.tracebacks import last_exception

COMMAND = "command"
"""The name of the check that stands for a whole command."""
SKIP = 125
"""The exit code by which a command says that it cannot judge the environment, as for ``git bisect run``."""
_LAST_LINES, _LONGEST = 20, 2000  # lines and characters of the output of a command that become its message
_LONGEST_TEARDOWN = 60.0  # seconds
_MOST_VARIABLES = 2**20  # bytes of the file of variables
_NOT_FOUND = re.compile(
    r"No module named '(?P<module>\w{1,200}\.[\w.]{1,200})'"
    r"|cannot import name '(?P<name>\w{1,200})' from (?:partially initialized module )?'(?P<package>\w{1,200})'"
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Main:
    """How the command of a probe is run."""

    env: Mapping[str, str]
    cwd: Path
    log: Path
    timeout: float
    memory: int | None = None
    """Bytes that its processes may use together; None: no limit."""
    sandbox: Sandbox | None = None
    """What it runs in; None: as any process of the user."""
    access: Access = ALL_READ_ONLY
    """What it may do in the sandbox."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """How it went. With a problem, the action is the command that had it."""

    action: Action
    problem: Problem | None = None


def run(processes: Processes, probe: Probe, argv: Sequence[str], main: Main) -> Ran:
    """Run ``argv`` as ``main`` says, after the setup of a probe and before its teardown, which always runs.

    What setup leaves running stays until the teardown has ended.
    """
    if not probe.setup and not probe.teardown:
        return _run(processes, argv, main)
    variables = main.log.with_name("setup.env")
    variables.touch()
    main = replace(main, env={**main.env, "KNOWNGOOD_ENV": str(variables)})
    with processes.session() as session:
        try:
            for number, command in enumerate(probe.setup, start=1):
                ran = _run(session, command, replace(main, log=main.log.with_name(f"setup{number}.log")), stays=True)
                if ran.problem is not None or not ran.action.exit.ok:
                    return _setup_failed(command, ran)
                try:
                    main = replace(main, env={**main.env, **_variables(variables)})
                except ValueError as error:
                    problem = Problem(kind=ProblemKind.SETUP, message=f"setup {' '.join(command)!r}: {error}")
                    return Ran(action=ran.action, problem=problem)
            return _run(session, argv, main)
        finally:
            variables.unlink(missing_ok=True)
            for number, command in enumerate(probe.teardown, start=1):
                last = replace(
                    main,
                    log=main.log.with_name(f"teardown{number}.log"),
                    timeout=min(main.timeout, _LONGEST_TEARDOWN),
                )
                _run(session, command, last, always=True)


def transcript_of(argv: Sequence[str], action: Action, environment: Path, tree: Path) -> Transcript:
    """Return the transcript of the command ``argv``, which ran in ``tree`` with ``environment``: it is one check."""
    if action.exit.ending is Ending.NOT_STARTED:
        message = f"the command {argv[0]!r} cannot be started: {action.exit.note}"
        return Transcript(problem=Problem(kind=ProblemKind.MISSING, message=message))
    started = action.exit.ending is not Ending.CANCELLED
    if action.exit.ending is not Ending.EXITED:
        open_check = Check(name=COMMAND, outcome=Outcome.OPEN)
        return Transcript(hello=started, checks=(open_check,) if started else ())
    code = action.exit.code or 0
    outcome = Outcome.PASSED if code == 0 else Outcome.SKIPPED if code == SKIP else Outcome.FAILED
    raised = last_exception(action.output) if outcome is Outcome.FAILED else ()
    if shadowed := _shadowed(raised, environment, tree):
        return Transcript(problem=Problem(kind=ProblemKind.SHADOWED, message=shadowed))
    check = Check(
        name=COMMAND,
        outcome=outcome,
        seconds=action.seconds,
        message="" if code == 0 else _message(code, action.output),
        raised=raised,
    )
    return Transcript(hello=True, bye=True, checks=(check,))


def _shadowed(raised: Sequence[Raised], environment: Path, tree: Path) -> str:
    """Return why a module was not found that is installed: Python looked for it in the sources; else empty."""
    match = _NOT_FOUND.search(raised[-1].message) if raised else None
    if match is None:
        return ""
    package, _, part = (match["module"] or f"{match['package']}.{match['name']}").partition(".")
    below = (Path(frame.file) for frame in raised[-1].frames if Path(frame.file).is_relative_to(tree))
    source = next((file for file in below if package in file.relative_to(tree).parent.parts), None)
    installed = (f"{package}/{part.replace('.', '/')}{end}" for end in ("", ".*"))
    if source is None or not any(any(environment.glob(f"lib/*/site-packages/{file}")) for file in installed):
        return ""
    return (
        f"the command imports {package} from the sources of the project ({source.relative_to(tree)}), which have no "
        f"{package}.{part}, and not from the environment: give its Python the option -I, so that it does not look into "
        "the folder that it runs in, or install the project with editable = true"
    )


def _run(
    processes: Processes | Session, argv: Sequence[str], main: Main, *, stays: bool = False, always: bool = False
) -> Ran:
    """Run one command; its program is looked for in the environment, on PATH or, with a slash, in the folder."""
    program = argv[0] if Path(argv[0]).is_absolute() else _find(argv[0], main)
    if program is None:
        nowhere = f"there is no file {argv[0]}" if "/" in argv[0] else _nowhere(argv[0])
        missing = Action(exit=Exit(ending=Ending.NOT_STARTED, note=nowhere), seconds=0.0, log="")
        return Ran(action=missing, problem=Problem(kind=ProblemKind.MISSING, message=nowhere))
    command, guard = [program, *argv[1:]], ""
    if main.sandbox is not None:
        command, guard = main.sandbox.command(command, main.access, main.cwd), main.sandbox.program.name
    run = partial(processes.run, stays=stays, always=always) if isinstance(processes, Session) else processes.run
    action = run(
        command,
        env=main.env,
        cwd=main.cwd,
        log=main.log,
        timeout=main.timeout,
        guard=guard,
        memory=main.memory,
    )
    return Ran(action=action)


def _find(program: str, main: Main) -> str | None:
    if "/" in program:
        path = main.cwd / program
        return str(path.absolute()) if path.is_file() else None
    return shutil.which(program, path=main.env["PATH"])


def _nowhere(program: str) -> str:
    return (
        f"the command {program!r} is neither in the environment nor on PATH: add the package that brings it to a step"
    )


def _setup_failed(command: Sequence[str], ran: Ran) -> Ran:
    line = " ".join(command)
    ended = ran.action.exit
    if ended.ending is Ending.CANCELLED:
        return Ran(action=ran.action)
    if ran.problem is not None or ended.ending is Ending.NOT_STARTED:
        how = ended.note
    elif ended.ending is Ending.TIMED_OUT:
        how = "it did not finish within the time limit"
    elif ended.ending is Ending.EXITED:
        how = _message(ended.code or 0, ran.action.output)
    else:
        how = ended.note or f"it died of {ended.signal}"
    return Ran(action=ran.action, problem=Problem(kind=ProblemKind.SETUP, message=f"setup {line!r}: {how}"))


def _message(code: int, output: str) -> str:
    """Return what a command that failed said last, its last line first."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    last = f": {lines[-1].strip()}" if lines else ""
    tail = "\n".join(lines[-_LAST_LINES:-1])[-_LONGEST:]
    return f"exited with code {code}{last[:_LONGEST]}" + (f"\n{tail}" if tail else "")


def _variables(path: Path) -> dict[str, str]:
    """Return the variables that setup wrote into a file, one ``NAME=VALUE`` a line. Raises ``ValueError``."""
    found = {}
    for line in read_regular(path, _MOST_VARIABLES).decode("utf-8", "replace").splitlines():
        name, equals, value = line.partition("=")
        if not line.strip() or line.startswith("#"):
            continue
        if not equals or not _VARIABLE.fullmatch(name) or "\0" in value:
            raise ValueError(f"it wrote {line[:80]!r} into the file KNOWNGOOD_ENV, which is not NAME=VALUE")
        found[name] = value
    return found
