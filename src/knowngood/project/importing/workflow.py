"""Read the matrices of GitHub workflows, and what the steps of their jobs install and test."""

import itertools
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from knowngood.declare.values import slug, version_slug
from knowngood.errors import UsageError, some
from knowngood.project.importing import probing, pythons, workflow_file
from knowngood.project.importing.commands import Commands, installs
from knowngood.project.importing.indexes import Indexes
from knowngood.project.importing.parts import Cell, Imported, Line, Probe, Remarks, Source, Step
from knowngood.project.importing.scripts import INSTALLS, inside, joined, walk
from knowngood.project.importing.workflow_file import Text, UnknownError, holds, line_of, substituted

Row = dict[str, Any]

_TOOLS_WORDS = (
    "build cibuildwheel codecov coveralls hatch nox pdm pip pipenv pipx poetry pre-commit setuptools tox tox-gh "
    "tox-gh-actions tox-uv twine uv virtualenv wheel"
)
_TOOLS = frozenset(_TOOLS_WORDS.split())
"""What prepares or runs tests, and is not what is tested."""

_MOST_ROWS = 1000
_DEEPEST = 3  # workflows that call workflows
_OTHER_SYSTEMS = re.compile(r"(?i)windows|macos|\bmac\b|\bwin\b")
_RUNNERS = frozenset({"tox", "nox", "make", "just", "task", "hatch", "rye", "bazel"})
_OF_THE_JOB = re.compile(
    r"(sudo|apt|apt-get|brew|choco|printf|tee|exit|find|sed|grep|chmod|chown|ln|tar|zip|unzip|wget|gh|npm|node|date|"
    r"conda|mamba|micromamba|locale-gen|jq|awk|head|tail|sort|test|\[+|:|shopt|umask|df|free|ccache|gpg|ssh\S*)"
)
"""Programs that prepare a job, and test nothing."""
_TESTING = re.compile(r"unittest|manage\.py test|django test|nose|\btests?\b|trial")
_SYSTEM_AXES = frozenset({"os", "runs-on", "platform", "runner", "arch", "architecture"})
_PYTHON_AXES = frozenset(
    {"python", "python-version", "python_version", "pyversion", "py", "py-version", "pythonversion"}
)


def read(source: Source) -> Imported:
    """Return a cell for each row of each matrix whose job installs something.

    Raises ``UsageError``: it is not a workflow.

    Jobs for Windows and macOS are left out: a matrix is for the machine that runs it.
    """
    return _Workflow(source).read()


class _Workflow:
    def __init__(self, source: Source, inputs: Mapping[str, Any] | None = None, depth: int = 0) -> None:
        """Read a workflow; ``inputs`` are those of the job that calls it, ``depth`` how many workflows call it."""
        self._source = source
        self._depth = depth
        self._inputs = inputs
        self._remarks = Remarks()
        self._indexes = Indexes(self._remarks)
        self._commands = Commands(source, self._remarks, self._indexes)
        self._others: dict[str, None] = {}
        self._calls: list[Imported] = []
        content = workflow_file.read(source.text, source.path)
        if isinstance(content, dict) and "jobs" not in content and isinstance(content.get("dependencies"), list):
            raise UsageError(
                f"{source.path} is a conda environment, and conda packages cannot be in a matrix",
                cause=f"it lists {some([str(each) for each in content['dependencies'] if isinstance(each, str)])}",
                next_step="write the packages that a Python index has into a requirements file, and import that file",
            )
        if not isinstance(content, dict) or not isinstance(content.get("jobs"), dict):
            raise UsageError(
                f"{source.path} is not a workflow", cause="it has no jobs", next_step="name a file of .github/workflows"
            )
        self._content: dict[str, Any] = content

    def read(self) -> Imported:
        cells: list[Cell] = []
        for name, job in self._content["jobs"].items():
            if not isinstance(job, dict):
                continue
            rows = tuple(itertools.islice(self._rows(name, job), _MOST_ROWS))
            varying = _varying(rows)
            if "uses" in job:
                for row in rows:
                    cells += self._called(name, job, row, varying)
                continue
            cells += filter(None, (self._cell(name, job, row, varying) for row in rows))
        if self._others:
            self._remarks.add(0, f"jobs on {', '.join(self._others)}: a matrix is for the machine that runs it")
        distinct = tuple(dict.fromkeys(cells))  # rows may differ in their system alone
        indexes = (*self._indexes.all(), *(index for each in self._calls for index in each.indexes))
        return Imported(cells=distinct, indexes=tuple(dict.fromkeys(indexes)), remarks=self._remarks.all())

    def _called(self, name: Text, job: Mapping[str, Any], row: Row, varying: Collection[str]) -> Iterator[Cell]:
        """Yield the cells of the workflow that a job calls, for one row of its matrix."""
        path, line = str(job["uses"]).removeprefix("./"), line_of(name)
        text = self._commands.text_of(path) if str(job["uses"]).startswith("./") else None
        if text is None or self._depth >= _DEEPEST:
            self._remarks.add(line, f"the job {name} calls the workflow {path}, which is not read")
            return
        values = self._values(job, row)
        given = job.get("with")
        inputs = (
            {key: substituted(str(value), values) for key, value in given.items()} if isinstance(given, dict) else {}
        )
        try:
            workflow = _Workflow(replace(self._source, path=path, text=text), inputs, self._depth + 1)
            called = workflow.read()
        except UsageError as error:
            self._remarks.add(line, f"the job {name} calls {path}: {error.cause or error.what}")
            return
        self._calls.append(called)
        for remark in called.remarks:
            place = f"{path}, line {remark.line}" if remark.line else path
            self._remarks.add(line, f"{place}: {remark.what}")
        label = _label(name, row, varying)
        for cell in called.cells:
            steps = tuple(tuple(Line(each.text, line) for each in step) for step in cell.steps)
            yield replace(
                cell, group=name, name=f"{label}-{cell.name}" if len(called.cells) > 1 else label, steps=steps
            )

    def _values(self, job: Mapping[str, Any], row: Row) -> dict[str, Any]:
        """Return what expressions in a job may refer to."""
        values: dict[str, Any] = {"matrix": row, "runner": {"os": "Linux", "arch": "X64"}, "github": {}}
        if self._inputs is not None:
            values["inputs"] = {**_defaults(self._content), **self._inputs}
        values["env"] = self._env(job.get("env"), self._env(self._content.get("env"), {}, values), values)
        return values

    def _rows(self, name: Text, job: Mapping[str, Any]) -> Iterator[Row]:
        strategy = job.get("strategy")
        matrix = strategy.get("matrix") if isinstance(strategy, dict) else None
        if matrix is None:
            yield {}
        elif isinstance(matrix, dict):
            yield from _spanned(matrix, self._remarks)
        else:
            self._remarks.add(line_of(matrix) or line_of(name), f"the matrix of {name} is computed: {matrix!s:.80}")
            yield {}

    def _cell(self, name: Text, job: Mapping[str, Any], row: Row, varying: Collection[str]) -> Cell | None:
        values = self._values(job, row)
        system = substituted(str(job.get("runs-on", "")), values)
        if match := _OTHER_SYSTEMS.search(system):
            self._others[match[0].lower()] = None
            return None
        if not self._is_run(job, values):
            return None
        walker = _Job(self._commands, self._remarks, values, _image_python(job, values))
        walker.env = self._env(job.get("env"), self._env(self._content.get("env"), {}, values), values)
        folder = _folder_of(job) or _folder_of(self._content)
        for step in job.get("steps") or ():
            if isinstance(step, dict):
                walker.step(step, folder, self._env(step.get("env"), values["env"], values))
        if not walker.steps:
            return None
        if all(_only_tools(step) for step in walker.steps):
            self._remarks.add(line_of(name), f"the job {name} installs only tools")
            return None
        if isinstance(job.get("services"), dict):
            services = some(list(map(str, job["services"])))
            what = f"{services} of {name}: no service is started: a probe has setup = [[…]] and teardown for it"
            self._remarks.add(line_of(next(iter(job["services"]), name)), what)
        for line, words in walker.unread if not walker.probes else ():
            self._remarks.add_once(line, f"{words!r} is not read: if it tests something, make it a command probe")
        return Cell(
            group=name,
            name=_label(name, row, varying),
            steps=tuple(walker.steps),
            python=walker.python,
            probes=tuple(dict.fromkeys(walker.probes)),
            env=tuple(_wanted(walker.env)),
        )

    def _is_run(self, job: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        try:
            return holds(str(job.get("if", "true")), values)
        except UnknownError:
            return True  # such as the branch: the job is there to be run

    def _env(self, table: Any, base: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
        env = dict(base)
        for key, value in table.items() if isinstance(table, dict) else ():
            text = substituted(str(value), {**values, "env": env})
            if "${{" not in text:
                env[str(key)] = text
            else:
                env.pop(str(key), None)
        return env


class _Job:
    """What one job does for one row of its matrix."""

    def __init__(self, commands: Commands, remarks: Remarks, values: dict[str, Any], python: str | None) -> None:
        self._commands = commands
        self._remarks = remarks
        self._values = values
        self.python = python
        self.steps: list[Step] = []
        self.probes: list[Probe] = []
        self.env: dict[str, str] = {}
        """The variables of the tests: those of the job, of the steps that test, and what these export."""
        self.unread: list[tuple[int, str]] = []
        """The commands that may be tests, each with its line."""

    def step(self, step: Mapping[str, Any], folder: str, env: dict[str, str]) -> None:
        """Follow one step of the job."""
        script = step.get("run")
        values = {**self._values, "env": env}
        try:
            if not holds(str(step.get("if", "true")), values):
                return
        except UnknownError as error:
            if isinstance(script, str) and INSTALLS.search(script):
                self._remarks.add(line_of(step["if"]), f"a step that installs is not read: its condition needs {error}")
            return
        uses = str(step.get("uses", ""))
        with_table = step.get("with")
        if uses.startswith("./"):
            self._remarks.add(line_of(step["uses"]), f"the action {uses} is not read")
        if isinstance(with_table, dict) and "python-version" in with_table and "pre-commit" not in uses:
            self._setup(with_table["python-version"], values)
        if isinstance(script, Text):
            place = substituted(str(step.get("working-directory") or folder or "."), values)
            given = step.get("env")
            named = set(map(str, given)) if isinstance(given, dict) else set()
            self._script(script, values, posixpath.normpath(place), named)

    def _setup(self, version: Any, values: Mapping[str, Any]) -> None:
        text = substituted(str(version), values).strip()
        if "\n" in text:
            text = text.splitlines()[-1].strip()
        python = pythons.named(text)
        if python is None:
            self._remarks.add(line_of(version), f"{text!r} is not the name of one Python")
        else:
            self.python = python

    def _script(self, script: Text, values: dict[str, Any], folder: str, named: set[str]) -> None:
        """Follow the script of a step; ``named`` are the variables that the step sets."""
        text = substituted(script, values)
        variables = {**values["env"], "HOME": "/root", "RUNNER_OS": "Linux"}
        for done in walk(
            text,
            line=script.line,
            folder=folder,
            variables=variables,
            reader=self._commands,
            remarks=self._remarks,
            places=inside,
        ):
            if done.install is not None:
                self.python = self.python or done.install.python
                if done.install.lines:
                    self.steps.append(done.install.lines)
            elif done.words[0] == "export":
                named |= {*done.sets}
            elif posixpath.basename(done.words[0]) in _RUNNERS:
                self._remarks.add_once(done.line, f"{joined(done.words)!r} is not read: {_advice(done.words[0])}")
            elif (probe := probing.probe(done.words)) is not None and (
                probe.pytest or (probe.words[0] == "python" and _TESTING.search(" ".join(probe.words)))
            ):
                if folder != ".":
                    self._remarks.add(
                        done.line, f"the tests run in {folder}: a probe runs in the folder of the project"
                    )
                self.probes.append(probe)
                self._set({name: variables[name] for name in (*named, *done.sets) if name in variables}, done.line)
            elif why := probing.around(done.words):
                self._remarks.add_once(done.line, f"{joined(done.words)!r} is not read: {why}")
            elif probe is not None and not _OF_THE_JOB.fullmatch(done.words[0]) and probe.words[1:2] != ("-c",):
                self.unread.append((done.line, joined(done.words)))
        # What a step writes into $GITHUB_ENV is not known.

    def _set(self, variables: Mapping[str, str], line: int) -> None:
        """Set variables of a test; all tests of a job share them."""
        for name, value in variables.items():
            if len(self.probes) > 1 and self.env.get(name, value) != value:
                self._remarks.add_once(line, f"{name} = {value} is not read: another test has {self.env[name]}")
            else:
                self.env[name] = value


def _advice(program: str) -> str:
    files = {"tox": "tox.ini", "nox": "noxfile.py", "hatch": "pyproject.toml"}
    name = files.get(posixpath.basename(program))
    return f"what it runs is imported from {name}" if name else "it runs what another file says"


def _only_tools(step: Step) -> bool:
    """Return whether a step installs nothing but tools such as tox and build."""
    installed = [line.text for line in step if installs(line.text)]
    return all(canonicalize_name(re.split(r"[^\w.-]", text)[0]) in _TOOLS for text in installed)


def _defaults(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the inputs of a workflow that is called, each with its default."""
    triggers = content.get("on")
    call = triggers.get("workflow_call") if isinstance(triggers, dict) else None
    inputs = call.get("inputs") if isinstance(call, dict) else None
    return {
        str(name): str(entry.get("default", "")) if isinstance(entry, dict) else ""
        for name, entry in (inputs.items() if isinstance(inputs, dict) else ())
    }


def _spanned(matrix: Mapping[str, Any], remarks: Remarks) -> Iterator[Row]:
    """Yield the rows of a matrix, with ``include`` and ``exclude`` as GitHub has them."""
    axes: dict[str, list[Any]] = {}
    for key, values in matrix.items():
        if key in ("include", "exclude"):
            continue
        if isinstance(values, list):
            axes[str(key)] = values
        else:
            remarks.add(line_of(key), f"the values of {key} are computed: {values!s:.80}")
    rows: list[Row] = []
    for values in itertools.islice(itertools.product(*axes.values()), _MOST_ROWS) if axes else ():
        row = dict(zip(axes, values, strict=True))
        if not any(_matches(entry, row) for entry in _entries(matrix, "exclude", remarks)):
            rows.append(row)
    originals = [dict(row) for row in rows]
    for entry in _entries(matrix, "include", remarks):
        shared = {key: value for key, value in entry.items() if key in axes}
        fitting = (
            [number for number, row in enumerate(originals) if shared.items() <= _hashable(row).items()]
            if all(not isinstance(value, dict | list) for value in shared.values())
            else []
        )
        for number in fitting:
            rows[number].update({str(key): value for key, value in entry.items()})
        if not fitting:
            rows.append({str(key): value for key, value in entry.items()})
    yield from rows


def _hashable(row: Row) -> Row:
    return {key: value for key, value in row.items() if not isinstance(value, dict | list)}


def _entries(matrix: Mapping[str, Any], key: str, remarks: Remarks) -> list[dict[str, Any]]:
    entries = matrix.get(key) or []
    if not isinstance(entries, list):
        remarks.add(line_of(entries), f"{key} is computed: {entries!s:.80}")
        return []
    return [entry for entry in entries if isinstance(entry, dict)]


def _matches(entry: Mapping[str, Any], row: Row) -> bool:
    return bool(entry) and all(row.get(str(key)) == value for key, value in entry.items())


def _image_python(job: Mapping[str, Any], values: Mapping[str, Any]) -> str | None:
    container = job.get("container")
    image = container.get("image", "") if isinstance(container, dict) else container
    return pythons.in_image(substituted(str(image), values)) if image else None


def _folder_of(table: Mapping[str, Any]) -> str:
    defaults = table.get("defaults")
    run = defaults.get("run") if isinstance(defaults, dict) else None
    return str(run.get("working-directory", "")) if isinstance(run, dict) else ""


def _wanted(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that may matter to tests: not those of installers, of caches and of the CI itself."""
    for name, value in env.items():
        if not re.match(
            r"(PIP|UV|GITHUB|CI|CODECOV|FORCE_COLOR|PY_COLORS|TERM|CACHE|ACTIONS|COVERALLS|TOX|NOX)(_|$)", name
        ):
            yield name, value


def _label(job: str, row: Row, varying: Collection[str]) -> str:
    """Return a name of a row: that of its job, and the values that differ between rows."""
    parts = [job]
    for axis, value in row.items():
        if axis in varying and isinstance(value, str) and slug(value):
            parts.append(version_slug(slug(re.sub(r"[-_]?versions?$", "", axis)) or "v", value))
    return "-".join(parts)


def _varying(rows: Iterable[Row]) -> frozenset[str]:
    """Return the variables, other than Python and system, that have several values."""
    values: dict[str, set[str]] = {}
    for row in rows:
        for axis, value in row.items():
            values.setdefault(axis, set()).add(str(value))
    return frozenset(
        axis for axis, each in values.items() if len(each) > 1 and axis.lower() not in _SYSTEM_AXES | _PYTHON_AXES
    )
