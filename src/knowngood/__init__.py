"""knowngood proves which sets of package versions work together.

This is the Python API. It is imported lazily: ``import knowngood`` itself costs nothing.

- ``Project.open`` opens a project: its matrix, its recorded runs, its baseline and its published report.
- ``run_matrix`` runs combos of the matrix, and ``Project.judge`` returns the verdicts.
- ``render_report`` renders the verdicts in any format of ``knowngood report``.
- ``read_report`` reads a ``matrix.json`` back.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Not even the standard library is imported: until `__main__` runs, Ctrl-C is a traceback.
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any, Literal

    from knowngood.events import Event
    from knowngood.model import JudgedRun, Run
    from knowngood.project.project import Project as Project

__version__ = "0.2.0"
__all__ = ["Project", "__version__", "read_report", "render_report", "run_matrix"]


def __getattr__(name: str) -> "Any":
    if name == "Project":
        from knowngood.project.project import Project

        return Project
    raise AttributeError(f"module 'knowngood' has no attribute {name!r}")


def run_matrix(
    project: "Project",
    *,
    only: "Sequence[str]" = (),
    jobs: int | None = None,
    fresh: bool = False,
    keep: bool = False,
    offline: bool = False,
    isolation: "Literal['auto', 'sandbox', 'none'] | None" = None,
    environ: "Mapping[str, str] | None" = None,
    on_event: "Callable[[Event], None] | None" = None,
) -> "Run":
    """Build and probe the combos of a project's matrix, record the run in the project, and return it.

    ``only`` holds ids or globs of combos; empty stands for all. ``jobs`` combos are evaluated at a time, by default as
    many as processors and memory allow. ``fresh`` reuses no verdict and no environment of an earlier run; ``keep``
    keeps the environments. ``offline`` asks nothing over the network. ``isolation`` says whether builds and probes
    run in a sandbox, by default as the matrix does. ``environ`` is the environment that installers and probes see, by
    default that of this process. ``on_event`` is called with each event as it happens, from one thread at a time.

    Raises ``NothingSelectedError`` when no combo is selected, and ``UndecidedError`` when the run cannot be recorded.
    """
    import os

    from knowngood.declare.combo_selection import choose
    from knowngood.model import Isolation
    from knowngood.run import host
    from knowngood.run.engine import execute
    from knowngood.run.request import RunRequest
    from knowngood.run.selection import select

    machine = host.here(os.environ if environ is None else environ, jobs)
    project = select(project, machine, offline=offline, resume=not fresh)
    request = RunRequest(
        project=project,
        combos=choose(project.matrix.combos, only=tuple(only)),
        machine=machine,
        command=f"knowngood run {project.matrix.id}",
        fresh=fresh,
        keep=keep,
        offline=offline,
        isolation=Isolation(isolation) if isolation is not None else None,
    )
    return execute(request, [lambda event, folding: on_event(event)] if on_event is not None else [])


def render_report(judged: "JudgedRun", format_name: str) -> str:
    """Return the report of a judged run, ending in a newline.

    ``format_name`` is one of those of ``knowngood report --format``, such as ``markdown``, ``json`` or ``html``. Raises
    ``ValueError`` for another.
    """
    from knowngood.report.formats import FORMATS, FormatName, ReportContext

    return FORMATS[FormatName(format_name)].render(ReportContext(judged=judged))


def read_report(file: "str | Path") -> "JudgedRun":
    """Return the judged run that a ``matrix.json`` reports, without what only the event log has, such as output.

    Raises ``UsageError`` when the file cannot be read or is not a ``matrix.json`` of this version.
    """
    from pathlib import Path

    from knowngood.project.publication import read_report as read

    return read(Path(file), name=str(file))
