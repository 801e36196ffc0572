"""Read the sessions of a noxfile from its syntax tree: parametrizations, installs and commands. Nothing is run."""

import ast
import itertools
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from knowngood.declare.values import slug, version_slug
from knowngood.project.importing import probing, pythons
from knowngood.project.importing.commands import Commands
from knowngood.project.importing.indexes import Indexes
from knowngood.project.importing.literals import Scope, UnknownError, dotted, module_scope, parse
from knowngood.project.importing.parts import Cell, Imported, Probe, Remarks, Source, Step
from knowngood.project.importing.scripts import inside, joined

_MOST_CELLS = 2000
_DEEPEST = 4  # functions that call functions
_RUNS = frozenset({"run", "run_always", "run_install"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


class _SkippedError(Exception):
    """The session leaves itself."""


@dataclass(kw_only=True, slots=True)
class _State:
    """What a session has done so far."""

    scope: Scope
    steps: list[Step] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    folder: str = "."


def read(source: Source) -> Imported:
    """Return a cell for each session with each of its Pythons and parameters that installs something.

    Raises ``UsageError``: it is not Python.
    """
    return _Noxfile(source, parse(source)).read()


class _Noxfile:
    def __init__(self, source: Source, tree: ast.Module) -> None:
        self._source = source
        self._tree = tree
        self._remarks = Remarks()
        self._indexes = Indexes(self._remarks)
        self._commands = Commands(source, self._remarks, self._indexes)
        self._module = module_scope(tree)
        self._functions = {node.name: node for node in tree.body if isinstance(node, Function)}
        self._read: set[Function] = set()

    def read(self) -> Imported:
        cells = tuple(dict.fromkeys(self._sessions(self._tree.body)))
        for node in ast.walk(self._tree):
            if isinstance(node, Function) and _is_session(node) and node not in self._read:
                self._remarks.add_once(node.lineno, f"the session {node.name} is not read: only a call defines it")
        return Imported(cells=cells, indexes=self._indexes.all(), remarks=self._remarks.all())

    def _sessions(self, statements: Sequence[ast.stmt]) -> Iterator[Cell]:
        """Yield the cells of the sessions that statements define; a loop defines some in each turn."""
        for node in statements:
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef() if _is_session(node):
                    self._read.add(node)
                    yield from self._session(node, [(_decorator(each), each) for each in node.decorator_list])
                case ast.If() | ast.Try():
                    yield from self._sessions([*node.body, *node.orelse])
                case ast.For() if any(isinstance(each, Function) and _is_session(each) for each in ast.walk(node)):
                    yield from self._turns(node)
                case _:
                    pass

    def _turns(self, node: ast.For) -> Iterator[Cell]:
        outer = self._module
        try:
            items = list(outer.value(node.iter))[:_MOST_CELLS]
        except (UnknownError, TypeError) as error:
            self._read |= {each for each in ast.walk(node) if isinstance(each, Function)}
            self._remarks.add(node.lineno, f"the sessions of a loop are not read: {error}")
            return
        for item in items:
            self._module = Scope(outer.names)
            self._module.bind(node.target, item)
            yield from self._sessions(node.body)
        self._module = outer

    def _session(self, function: Function, decorators: Sequence[tuple[str, ast.expr]]) -> Iterator[Cell]:
        settings: dict[str, Any] = {}
        parameters: list[list[tuple[str, Mapping[str, Any]]]] = []
        for name, node in decorators:
            call = node if isinstance(node, ast.Call) else None
            try:
                if name.endswith("parametrize") and call is not None:
                    parameters.insert(0, list(self._parameters(call)))
                elif name.endswith("session") and call is not None:
                    settings = {
                        keyword.arg: self._module.value(keyword.value)
                        for keyword in call.keywords
                        if keyword.arg in ("python", "py", "name", "uv_groups", "uv_extras", "uv_only_groups")
                    }
            except UnknownError as error:
                self._remarks.add(node.lineno, f"the session {function.name} is not read: {error}")
                return
        stated = settings.get("python", settings.get("py"))
        versions = list(stated) if isinstance(stated, list | tuple) else [stated or None]
        product = itertools.product(versions, *parameters)
        for version, *chosen in itertools.islice(product, _MOST_CELLS):
            values: dict[str, Any] = {}
            for _, each in chosen:
                values.update(each)
            python = values.get("python", version)
            named = pythons.named(str(python)) if python else None
            if python and named is None:
                self._remarks.add(function.lineno, f"{python!r} is not the name of one Python")
            label = "-".join(
                [slug(str(settings.get("name") or function.name)), *(label for label, _ in chosen if label)]
            )
            cell = self._cell(function, label, named, values, settings)
            if cell is not None:
                yield cell

    def _parameters(self, call: ast.Call) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the label and the values of each set of parameters. Raises ``UnknownError``."""
        names_value = self._module.value(call.args[0]) if call.args else ""
        names = [name.strip() for name in names_value.split(",")] if isinstance(names_value, str) else list(names_value)
        entries: list[ast.expr] = []
        values_node = call.args[1] if len(call.args) > 1 else None
        ids: Any = next((self._module.value(keyword.value) for keyword in call.keywords if keyword.arg == "ids"), [])
        if isinstance(values_node, ast.List | ast.Tuple) and not any(
            isinstance(each, ast.Starred) for each in values_node.elts
        ):
            entries = list(values_node.elts)
        elif values_node is not None:
            entries = [ast.Constant(value=value) for value in self._module.value(values_node)]
        for number, entry in enumerate(entries):
            label = str(ids[number]) if number < len(ids) and ids[number] else ""
            if isinstance(entry, ast.Call) and dotted(entry.func).endswith("param"):
                value: Any = [self._module.value(argument) for argument in entry.args]
                for keyword in entry.keywords:
                    label = str(self._module.value(keyword.value)) if keyword.arg == "id" else label
                value = value[0] if len(names) == 1 else value
            else:
                value = entry.value if isinstance(entry, ast.Constant) else self._module.value(entry)
            if len(names) > 1 and (not isinstance(value, list | tuple) or len(value) != len(names)):
                raise UnknownError(f"{value!r} are not {len(names)} values")
            values = dict(zip(names, value, strict=True)) if len(names) > 1 else {names[0]: value}
            yield slug(label) or _label(values), values

    def _cell(
        self, function: Function, label: str, python: str | None, values: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Cell | None:
        arguments = [argument.arg for argument in function.args.args]
        session = arguments[0] if arguments else "session"
        scope = Scope({**self._module.names, f"{session}.python": python, f"{session}.posargs": []})
        for argument, default in zip(reversed(arguments[1:]), reversed(function.args.defaults), strict=False):
            self._pass(scope, argument, default, self._module)
        scope.names.update(values)
        scope.names[f"{session}.interactive"] = False
        state = _State(scope=scope)
        self._synced(function, settings, state)
        try:
            self._block(function.body, session, state, 0)
        except _SkippedError:
            return None
        if not state.steps:
            return None
        return Cell(
            group=slug(str(settings.get("name") or function.name)),
            name=label,
            steps=tuple(state.steps),
            python=python,
            probes=tuple(dict.fromkeys(state.probes)),
            env=tuple(state.env.items()),
        )

    def _synced(self, function: Function, settings: Mapping[str, Any], state: _State) -> None:
        """Add what a session of nox-uv installs before it begins."""
        words = ["uv", "sync", "--no-default-groups"]
        for key, option in (("uv_groups", "--group"), ("uv_extras", "--extra"), ("uv_only_groups", "--only-group")):
            words += [f"{option}={each}" for each in settings.get(key, ())]
        if len(words) > 3:
            install = self._commands.read(words, function.lineno, inside("."))
            state.steps += [install.lines] if install is not None and install.lines else []

    def _block(self, statements: Sequence[ast.stmt], session: str, state: _State, depth: int) -> bool:
        """Follow statements; return whether the function continues after them."""
        return all(self._statement(statement, session, state, depth) for statement in statements)

    def _statement(self, node: ast.stmt, session: str, state: _State, depth: int) -> bool:
        scope = state.scope
        match node:
            case ast.Expr(value=ast.Call() as call):
                self._call(call, session, state, depth)
            case ast.Expr(value=ast.Await(value=ast.Call() as call)):
                self._call(call, session, state, depth)
            case ast.Assign(targets=[ast.Subscript() as item], value=value) if dotted(item.value) == f"{session}.env":
                try:
                    state.env[str(scope.value(item.slice))] = str(scope.value(value))
                except UnknownError as error:
                    self._remarks.add(node.lineno, f"a variable of the session is not read: {error}")
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value, session, state, depth)
            case ast.AnnAssign(target=name, value=ast.expr() as value):
                self._bind(name, value, session, state, depth)
            case ast.AugAssign(target=changed, op=ast.Add(), value=value):
                try:
                    scope.bind(changed, scope.value(changed) + scope.value(value))
                except (UnknownError, TypeError):
                    scope.forget(changed)
            case ast.If():
                try:
                    branch = node.body if scope.value(node.test) else node.orelse
                except UnknownError as error:
                    self._unread(node, session, f"it depends on {error}")
                    return True
                return self._block(branch, session, state, depth)
            case ast.For():
                return self._loop(node, session, state, depth)
            case ast.With() | ast.AsyncWith():
                return self._within(node, session, state, depth)
            case ast.Try():
                return self._block([*node.body, *node.orelse, *node.finalbody], session, state, depth)
            case ast.Return():
                return False
            case ast.Raise():
                raise _SkippedError
            case _:
                self._unread(node, session, "it is not followed")
        return True

    def _bind(self, target: ast.expr, value: ast.expr, session: str, state: _State, depth: int) -> None:
        if isinstance(value, ast.Call) and _uses(value, session):
            self._call(value, session, state, depth)
            state.scope.forget(target)
            return
        try:
            state.scope.bind(target, state.scope.value(value))
        except UnknownError:
            state.scope.forget(target)

    def _loop(self, node: ast.For, session: str, state: _State, depth: int) -> bool:
        try:
            items = state.scope.value(node.iter)
        except UnknownError as error:
            self._unread(node, session, f"it depends on {error}")
            return True
        for item in list(items)[:_MOST_CELLS]:
            state.scope.bind(node.target, item)
            if not self._block(node.body, session, state, depth):
                return False
        return True

    def _within(self, node: ast.With | ast.AsyncWith, session: str, state: _State, depth: int) -> bool:
        before = state.folder
        for item in node.items:
            if isinstance(item.context_expr, ast.Call) and dotted(item.context_expr.func) in (
                f"{session}.chdir",
                f"{session}.cd",
            ):
                self._call(item.context_expr, session, state, depth)
        goes_on = self._block(node.body, session, state, depth)
        state.folder = before
        return goes_on

    def _call(self, call: ast.Call, session: str, state: _State, depth: int) -> None:
        name = dotted(call.func)
        owner, _, verb = name.rpartition(".")
        if owner != session:
            self._other_call(call, name, session, state, depth)
            return
        if verb in ("skip", "error"):
            raise _SkippedError
        if verb == "conda_install":
            self._remarks.add(call.lineno, "conda packages cannot be in a matrix")
        if verb not in {"install", *_RUNS, "cd", "chdir"}:
            return
        try:
            words = [str(word) for word in state.scope.items(call.args)]
        except (UnknownError, TypeError) as error:
            self._remarks.add(call.lineno, f"session.{verb} is not read: {error}")
            return
        if verb in ("cd", "chdir"):
            state.folder = posixpath.normpath(posixpath.join(state.folder, words[0] if words else "."))
            return
        words = ["pip", "install", *words] if verb == "install" else words
        if not words:
            return
        for keyword in call.keywords if verb != "install" else ():
            if keyword.arg == "env":
                self._env(keyword.value, state)
        install = self._commands.read(words, call.lineno, inside(state.folder))
        if install is not None:
            state.steps += [install.lines] if install.lines else []
        elif (probe := probing.probe(words)) is not None:
            if state.folder != ".":
                self._remarks.add(call.lineno, f"{joined(words)!r} runs in {state.folder}: a probe runs in the project")
            state.probes.append(probe)
        elif why := probing.around(words):
            self._remarks.add(call.lineno, f"{joined(words)!r} is not read: {why}")

    def _env(self, node: ast.expr, state: _State) -> None:
        try:
            value = state.scope.value(node)
        except UnknownError as error:
            self._remarks.add(node.lineno, f"the variables of a command are not read: {error}")
            return
        if isinstance(value, dict):
            state.env.update({str(key): str(each) for key, each in value.items()})

    def _other_call(self, call: ast.Call, name: str, session: str, state: _State, depth: int) -> None:
        """Follow a function of the file that gets the session, and what changes a list."""
        owner, _, verb = name.rpartition(".")
        known = state.scope.names.get(owner)
        if verb in ("append", "extend") and isinstance(known, list) and len(call.args) == 1:
            try:
                value = state.scope.value(call.args[0])
                state.scope.names[owner] = [*known, *(value if verb == "extend" else [value])]
            except (UnknownError, TypeError):
                state.scope.names.pop(owner)
            return
        function = self._functions.get(name)
        if not _uses(call, session):
            return
        if function is None or depth >= _DEEPEST or function.decorator_list:
            self._remarks.add(call.lineno, f"what {name or 'a call'} does with the session is not read")
            return
        inner = Scope(self._module.names)
        parameters = function.args.args
        inner_session = session
        for parameter, argument in zip(parameters, call.args, strict=False):
            if dotted(argument) == session:
                inner_session = parameter.arg
            else:
                self._pass(inner, parameter.arg, argument, state.scope)
        for parameter, default in zip(reversed(parameters), reversed(function.args.defaults), strict=False):
            if parameter.arg not in inner.names:
                self._pass(inner, parameter.arg, default, self._module)
        for parameter, fallback in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
            if fallback is not None:
                self._pass(inner, parameter.arg, fallback, self._module)
        for keyword in call.keywords:
            if keyword.arg:
                self._pass(inner, keyword.arg, keyword.value, state.scope)
        for key in ("python", "posargs", "interactive"):
            inner.names[f"{inner_session}.{key}"] = state.scope.names.get(f"{session}.{key}")
        outer, state.scope = state.scope, inner
        try:
            self._block(function.body, inner_session, state, depth + 1)
        finally:
            state.scope = outer

    def _pass(self, inner: Scope, name: str, node: ast.expr, outer: Scope) -> None:
        try:
            inner.names[name] = outer.value(node)
        except UnknownError:
            inner.names.pop(name, None)

    def _unread(self, node: ast.stmt, session: str, why: str) -> None:
        """Name what uses the session and cannot be followed."""
        for each in ast.walk(node):
            if isinstance(each, ast.Call) and dotted(each.func) in (
                f"{session}.install",
                *(f"{session}.{verb}" for verb in _RUNS),
            ):
                self._remarks.add(each.lineno, f"{ast.unparse(each)[:80]} is not read: {why}")


def _is_session(function: Function) -> bool:
    return any(_decorator(node).endswith("session") for node in function.decorator_list)


def _decorator(node: ast.expr) -> str:
    return dotted(node.func if isinstance(node, ast.Call) else node)


def _uses(call: ast.Call, session: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == session for node in ast.walk(call))


def _label(values: Mapping[str, Any]) -> str:
    """Return the part of a name for parameters: ``django4.2-sqlite``."""
    return "-".join(
        version_slug(slug(name) or "v", str(value))
        for name, value in values.items()
        if name != "python" and not isinstance(value, dict | list | tuple) and slug(str(value))
    )
