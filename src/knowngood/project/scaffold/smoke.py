"""Write a probe for a project without tests: it imports modules, and reads their attributes."""

import json
from collections.abc import Mapping

from knowngood.project.scaffold.modules import modules_of, uses
from knowngood.project.scaffold.survey import Kind, Survey


def text(survey: Survey) -> str:
    """Return the script: for a package, its modules; else what the code of the application imports."""
    if survey.kind is Kind.PACKAGE:
        return _OF_PACKAGE.replace("{NAME}", json.dumps(survey.name)).replace("{MODULES}", _tuple(survey.modules.names))
    imported: Mapping[str, tuple[str, ...]] = uses(survey.folder)
    if not imported:
        lines = (*survey.bounded, *survey.unbounded)
        imported = dict.fromkeys(modules_of(lines), ())
    entries = "".join(f'    "{module}": {_tuple(names)},\n' for module, names in imported.items())
    return _OF_APPLICATION.replace("{USES}", f"{{\n{entries}}}" if entries else "{}")


def _tuple(names: tuple[str, ...]) -> str:
    quoted = ", ".join('"' + name.replace("\\", "").replace('"', "") + '"' for name in names)
    return f"({quoted}{',' if len(names) == 1 else ''})"


_OF_PACKAGE = '''"""Import each module of the project, and touch everything in it. Written by `knowngood init`."""

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import re

from probe_api import check

PROJECT = {NAME}
MODULES = {MODULES}
LEFT_OUT = {"__main__", "conftest", "setup", "test", "tests"}  # what runs when it is imported, or needs more packages
IN_OLD_PYTHONS = {"asynchat", "asyncore", "cgi", "distutils", "imp", "pkg_resources", "smtpd", "telnetlib"}


def required():
    """Return the packages that the project always needs, as their modules are usually called."""
    try:
        lines = importlib.metadata.requires(PROJECT) or []
    except importlib.metadata.PackageNotFoundError:
        return set()
    names = [re.split(r"[^A-Za-z0-9_.-]", line)[0] for line in lines if "extra" not in line]
    return {name.lower().replace("-", "_").replace(".", "_") for name in names}


def is_optional(error):
    """Return whether an import failed only because a package is missing that the project can do without."""
    top = (error.name or "").partition(".")[0]
    if not top or top in MODULES or top in IN_OLD_PYTHONS or top.lower() in required():
        return False
    return importlib.util.find_spec(top) is None


def names_below(package):
    """Yield the names of the modules of a package, without those that are left out."""
    for found in pkgutil.iter_modules(getattr(package, "__path__", []), package.__name__ + "."):
        if found.name.rpartition(".")[2] not in LEFT_OUT:
            yield found.name


def touch(name):
    """Import a module, read each of its attributes, and return it."""
    module = importlib.import_module(name)
    for attribute in sorted({*dir(module), *getattr(module, "__all__", ())}):
        getattr(module, attribute)
    return module


waiting = list(MODULES)
while waiting:
    name = waiting.pop(0)
    with check("import " + name):
        try:
            module = touch(name)
        except ModuleNotFoundError as error:
            if name in MODULES or not is_optional(error):
                raise
            print(name, "is left out: it needs", error.name)  # which is optional, and not installed
        else:
            waiting.extend(names_below(module))
'''

_OF_APPLICATION = '''"""Import what the code of the project imports."""

import importlib

from probe_api import check

USES = {USES}  # module: what the code takes from it

for name, attributes in USES.items():
    with check("import " + name):
        module = importlib.import_module(name)
        for attribute in attributes:
            if not hasattr(module, attribute):
                importlib.import_module(name + "." + attribute)  # a module in a package, or an error that names it
        for attribute in dir(module):
            getattr(module, attribute, None)
'''
