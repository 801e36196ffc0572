"""Compare the standard libraries of the Pythons on this machine, and write down what each release removed.

Usage: python .ci/removed_names.py PYTHON3.8 PYTHON3.9 ... (paths of interpreters, the oldest first)

Writes src/knowngood/judge/diagnosis/removed.py, the data of the rule about Python. It holds modules, names of modules,
members of classes and parameters of functions, private ones too, since packages use them: pathlib._PosixFlavour. It
also holds what a release began to put into every class.
"""

import itertools
import json
import subprocess  # noqa: TID251  it is not part of knowngood
import sys
import textwrap
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "knowngood" / "judge" / "diagnosis" / "removed.py"

LISTER = r'''
import importlib, inspect, json, os, pkgutil, sys, sysconfig, types, warnings
warnings.simplefilter("ignore")
ASIDE = ("test", "idlelib", "turtle", "antigravity", "this", "lib2to3", "pip", "setuptools", "_",
    "encodings", "pydoc", "distutils", "pdb", "site", "venv", "pyclbr",
    "tabnanny", "msilib", "nturl2path", "zipapp", "ensurepip", "tkinter")
found = {}
def modules():
    names = set(sys.builtin_module_names)
    for folder in (sysconfig.get_path("stdlib"), os.path.join(sysconfig.get_path("stdlib"), "lib-dynload")):
        for info in pkgutil.iter_modules([folder]):
            names.add(info.name)
            if info.ispkg and not info.name.startswith(ASIDE):
                for inner in pkgutil.walk_packages([os.path.join(folder, info.name)], info.name + "."):
                    names.add(inner.name)
    for name in sorted(names):
        parts = name.split(".")
        if "." not in name and name.startswith(ASIDE):
            found[name] = {}
        if name.startswith(ASIDE) or {"test", "tests", "__main__", "_test", "site-packages"} & set(parts):
            continue
        yield name
def parameters(thing):
    try:
        given = [each for each in inspect.signature(thing).parameters.values() if each.kind in (1, 3)]
    except (TypeError, ValueError):
        return [], []
    return ["(%s)" % each.name for each in given], [
        "(+%s)%d" % (each.name, each.kind) for each in given if each.default is each.empty]
def described(thing, prefix=""):
    """Return what it has, all that can be used on it, and what a call must pass."""
    taken, needed = parameters(thing)
    needed = [each for each in needed if not each.startswith(("(+self)", "(+cls)"))]
    return [prefix + each for each in taken], [prefix + each for each in needed]
for name in modules():
    try:
        module = importlib.import_module(name)
    except BaseException:
        found[name] = {}
        continue
    content = {}
    for attribute, value in list(vars(module).items()):
        if isinstance(value, types.ModuleType) or attribute.startswith("__"):
            continue
        home = getattr(value, "__module__", None)
        if isinstance(home, str) and home.split(".")[0].lstrip("_") != name.split(".")[0].lstrip("_"):
            continue
        own, every, needed = [], [], []
        if inspect.isclass(value):
            own, needed = described(value)
            every = own + dir(value)
            own = own + [member for member in vars(value) if not member.startswith("_")]
            for member, function in vars(value).items():
                if inspect.isfunction(function) and not member.startswith("__"):
                    taken, must = described(function, "." + member)
                    needed, every = needed + must, every + ["." + member]
        elif inspect.isfunction(value) or inspect.isbuiltin(value):
            own, needed = described(value)
            every = own
        entry = [own, every, needed]
        content[attribute] = entry
    found[name] = content
class Plain:
    field: int = 1
    def method(self):
        self.field = 2
print("\n@@" + json.dumps([list(sys.version_info[:2]), found, sorted(vars(Plain))]))
'''


def main() -> None:
    """List every interpreter, compare each with the one before, and write the data."""
    listed = []
    for python in sys.argv[1:]:
        output = subprocess.run([python, "-I", "-c", LISTER], check=True, capture_output=True, text=True).stdout
        listed.append(json.loads(output.rpartition("\n@@")[2]))
    last = listed[-1][1]
    lines = []
    added = [
        (version, name)
        for (_, _, before), (version, _, after) in itertools.pairwise(listed)
        for name in after
        if name not in before
    ]
    for (_, before, _), (version, after, _) in itertools.pairwise(listed):
        gone = sorted(module for module in before if module not in after and module not in last)
        tops = [module for module in gone if module.rpartition(".")[0] not in gone]
        lines.append((version, "", tops))
        for module in sorted(set(before) & set(after)):
            old, new, now = before[module], after[module], last.get(module, {})
            if not new or module not in last:
                continue
            names = [name for name in old if name not in new and name not in now]
            inner = []
            for name, (own, every, needed) in old.items():
                if name not in new or name not in now or not every or not new[name][1]:
                    continue
                parts = [part for part in own if part not in new[name][1] and part not in now[name][1]]
                parts += [
                    part
                    for part in new[name][2]
                    if part not in needed
                    and part in now[name][2]
                    and (part.startswith("(") or part.partition("(")[0] in every)
                    and (part[:-1].replace("+", "") not in own or part[:-1] in {each[:-1] for each in needed})
                ]
                parts = [part[:-1] if "+" in part else part for part in parts]
                inner += [f"{name}{part if part.startswith(('(', '.')) else '.' + part}" for part in parts]
            if names or inner:
                lines.append((version, module, sorted(names + inner)))
    TARGET.write_text(rendered(lines, added), encoding="utf-8")


def rendered(lines: list[tuple[list[int], str, list[str]]], added: list[tuple[list[int], str]]) -> str:
    """Return the Python module with the data."""
    words: list[str] = []
    current: list[int] = []
    for version, module, names in lines:
        words += [f"{version[0]}.{version[1]}:"] if version != current else []
        words += [f"{module or '-'}:", *names]
        current = version
    text = [
        '"""List what each Python removed from its standard library. Written by .ci/removed_names.py: do not edit."""',
        "",
        'REMOVED = """',
        *textwrap.wrap(" ".join(words), width=120, break_long_words=False, break_on_hyphens=False),
        '"""',
        '"""After a Python and a module (``-`` before modules that are gone): what it no longer has. A name ``x``, a',
        "member ``X.y`` of a class, or a parameter ``f(p)``; a parameter that must be passed since then is ``f(+p)``.",
        '"""',
        "",
        "ADDED = {",
        *(f'    "{name}": ({version[0]}, {version[1]}),' for version, name in added),
        "}",
        '"""Name -> the first Python that puts it into the namespace of every class."""',
        "",
    ]
    return "\n".join(text)


if __name__ == "__main__":
    main()
