"""Evaluate simple expressions of Python from their syntax tree: literals, names bound to them, loops over them.

Nothing is imported and no function of the file is called.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from knowngood.errors import UsageError
from knowngood.project.importing.parts import Source

_LARGEST = 10_000  # items of a list, or characters of a string
_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset({"endswith", "join", "lower", "removeprefix", "replace", "split", "startswith", "strip", "upper"}),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"index", "count"}),
    tuple: frozenset({"index", "count"}),
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "dict": dict,
    "float": float,
    "int": int,
    "len": len,
    "list": list,
    "max": max,
    "min": min,
    "range": lambda *bounds: list(_limited(range(*bounds))),
    "reversed": lambda values: list(reversed(values)),
    "set": lambda values=(): list(dict.fromkeys(values)),
    "sorted": lambda values: sorted(values),
    "str": str,
    "tuple": tuple,
    "zip": lambda *values: list(zip(*values, strict=False)),
}
_COMPARISONS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
    ast.Is: lambda left, right: left is right,
    ast.IsNot: lambda left, right: left is not right,
}


class UnknownError(ValueError):
    """An expression is more than a simple one, or depends on something that the file does not state."""


class Scope:
    """The names whose values are known, and expressions in terms of them."""

    def __init__(self, names: Mapping[str, Any] | None = None) -> None:
        self.names: dict[str, Any] = dict(names or {})

    def value(self, node: ast.expr) -> Any:
        """Return the value of an expression. Raises ``UnknownError``."""
        try:
            value = self._value(node)
        except UnknownError:
            raise
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise UnknownError(_source(node)) from error
        if isinstance(value, str | list | tuple | dict) and len(value) > _LARGEST:
            raise UnknownError(f"{_source(node)} is too large")
        return value

    def bind(self, target: ast.expr, value: Any) -> None:
        """Give a name, or several, a value."""
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif (
            isinstance(target, ast.Tuple | ast.List)
            and isinstance(value, list | tuple)
            and len(value) == len(target.elts)
        ):
            for each, item in zip(target.elts, value, strict=True):
                self.bind(each, item)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            owner = self.names.get(target.value.id)
            if isinstance(owner, dict):
                self.names[target.value.id] = {**owner, self.value(target.slice): value}

    def forget(self, target: ast.expr) -> None:
        """Remove the names that are bound to something that is not known."""
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self.names.pop(node.id, None)

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name() | ast.Attribute():
                name = dotted(node)
                if name in self.names:
                    return self.names[name]
                raise UnknownError(f"{name} is not known")
            case ast.List() | ast.Tuple() | ast.Set():
                items = list(self.items(node.elts))
                return tuple(items) if isinstance(node, ast.Tuple) else items
            case ast.Dict():
                return self._dict(node)
            case ast.JoinedStr():
                return "".join(self._part(part) for part in node.values)
            case ast.BinOp():
                return self._binary(node)
            case ast.UnaryOp(op=ast.Not()):
                return not self.value(node.operand)
            case ast.UnaryOp(op=ast.USub()):
                return -self.value(node.operand)
            case ast.BoolOp():
                return self._boolean(node)
            case ast.Compare():
                return self._compared(node)
            case ast.IfExp():
                return self.value(node.body if self.value(node.test) else node.orelse)
            case ast.Subscript(slice=ast.Slice() as part):
                bounds = (
                    self.value(each) if each is not None else None for each in (part.lower, part.upper, part.step)
                )
                return self.value(node.value)[slice(*bounds)]
            case ast.Subscript():
                return self.value(node.value)[self.value(node.slice)]
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return [scope.value(node.elt) for scope in self.loops(node.generators)]
            case ast.DictComp():
                return {scope.value(node.key): scope.value(node.value) for scope in self.loops(node.generators)}
            case ast.Call():
                return self._call(node)
            case _:
                raise UnknownError(_source(node))

    def items(self, nodes: Sequence[ast.expr]) -> Iterator[Any]:
        """Yield the values of expressions, those of starred ones one by one. Raises ``UnknownError``."""
        for node in nodes:
            if isinstance(node, ast.Starred):
                yield from self.value(node.value)
            else:
                yield self.value(node)

    def _dict(self, node: ast.Dict) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                result.update(self.value(value))
            else:
                result[self.value(key)] = self.value(value)
        return result

    def _part(self, node: ast.expr) -> str:
        if isinstance(node, ast.FormattedValue):
            if node.format_spec is not None:
                raise UnknownError(_source(node))
            return str(self.value(node.value))
        return str(self.value(node))

    def _binary(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Mod) and isinstance(left, str) and "*" not in left and len(str(right)) < _LARGEST:
            return left % right
        if isinstance(node.op, ast.Div) and isinstance(left, str) and isinstance(right, str):
            return f"{left}/{right}"  # of paths
        if isinstance(node.op, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
            return left | right
        if isinstance(node.op, ast.Sub) and isinstance(left, int) and isinstance(right, int):
            return left - right
        raise UnknownError(_source(node))

    def _boolean(self, node: ast.BoolOp) -> Any:
        value: Any = None
        for each in node.values:
            value = self.value(each)
            if bool(value) is isinstance(node.op, ast.Or):
                break
        return value

    def _compared(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node)
            if not _COMPARISONS[type(operator)](left, right):
                return False
            left = right
        return True

    def loops(self, generators: list[ast.comprehension]) -> Iterator["Scope"]:
        """Yield a scope for each turn of the loops of a comprehension."""
        if not generators:
            yield self
            return
        first, *rest = generators
        for item in _limited(self.value(first.iter)):
            scope = Scope(self.names)
            scope.bind(first.target, item)
            if all(scope.value(condition) for condition in first.ifs):
                yield from scope.loops(rest)

    def _call(self, node: ast.Call) -> Any:
        arguments = list(self.items(node.args))
        keywords = {keyword.arg: self.value(keyword.value) for keyword in node.keywords if keyword.arg}
        if isinstance(node.func, ast.Name):
            if node.func.id in self.names and callable(self.names[node.func.id]):
                return self.names[node.func.id](*arguments, **keywords)
            if node.func.id in _FUNCTIONS and not keywords:
                return _FUNCTIONS[node.func.id](*arguments)
        elif isinstance(node.func, ast.Attribute) and not keywords:
            if dotted(node.func) in self.names and callable(self.names[dotted(node.func)]):
                return self.names[dotted(node.func)](*arguments)
            owner = self.value(node.func.value)
            if node.func.attr in _METHODS.get(type(owner), ()):
                result = getattr(owner, node.func.attr)(*arguments)
                return list(result) if isinstance(owner, dict) and node.func.attr != "get" else result
        raise UnknownError(_source(node))


def parse(source: Source) -> ast.Module:
    """Return the syntax tree of a file. Raises ``UsageError``: it is not Python."""
    try:
        return ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = f" on line {error.lineno}" if isinstance(error, SyntaxError) else ""
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        cause = f"it is not Python: {why or 'it is nested too deeply'}{at}"
        raise UsageError(f"{source.path} cannot be read", cause=cause, next_step="fix it, and try again") from error


def module_scope(tree: ast.Module, names: Mapping[str, Any] | None = None) -> Scope:
    """Return the names that the top level of a file binds to what can be evaluated."""
    scope = Scope(names)
    for statement in tree.body:
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign):
            targets, value = [statement.target], statement.value
        for target in targets:
            try:
                if value is not None:
                    scope.bind(target, scope.value(value))
            except UnknownError:
                scope.forget(target)
    return scope


def dotted(node: ast.expr) -> str:
    """Return the name that an expression is, such as ``nox.session``; empty when it is not one."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _limited(values: Any) -> Iterator[Any]:
    if not isinstance(values, list | tuple | dict | range | str):
        raise UnknownError("a loop over what is not a list")
    if len(values) > _LARGEST:
        raise UnknownError("a loop that is too long")
    yield from values


def _source(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
