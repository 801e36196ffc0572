"""One failure as the rules see it: what was raised, whose code it passed through, what is installed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from knowngood import packages
from knowngood.judge.probes import failed_checks
from knowngood.model import Action, ComboFacts, Distribution, Frame, ProbeFacts, Raised, Verdict
from knowngood.tracebacks import dumped_frames, frames_of, installed_path, last_exception, loaded_extensions

if TYPE_CHECKING:
    from knowngood.judge.installer_output import InstallerOutput
    from knowngood.judge.rules import Rules

_OWN_WORDS = ("builtins.AssertionError", "builtins.SystemExit", "subprocess.CalledProcessError")
_UNPARSED = re.compile(r"\((?P<module>\w+)\.py, line \d+\)")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A cell that did not pass, with the facts of its combo."""

    facts: ComboFacts
    verdict: Verdict
    probe: ProbeFacts | None
    """The attempt that counts; None when the combo never got to its probe."""
    action: Action | None
    """The resolve or install command that failed, if one did."""
    rules: "Rules"

    @property
    def installer(self) -> "InstallerOutput":
        """What reads the output of the combo's installer."""
        return self.rules.installers[self.facts.combo.installer]

    @cached_property
    def raised(self) -> tuple[Raised, ...]:
        """The exception of the first failed check and its causes, the root cause first."""
        failed = failed_checks(self.probe.transcript) if self.probe else ()
        raised = next((check.raised for check in failed if check.raised), ())
        inside = any(installed_path(frame.file) is not None for one in raised for frame in one.frames)
        if self.probe and not inside and raised and raised[-1].type in _OWN_WORDS:
            # The probe says that something else failed: what, is in the output.
            return last_exception(raised[-1].message) or last_exception(self.probe.action.output) or raised
        return raised

    @cached_property
    def output(self) -> str:
        """What the command or the probe said."""
        action = self.action or (self.probe.action if self.probe else None)
        return action.output if action else ""

    @cached_property
    def said(self) -> str:
        """All messages of the exceptions and of the failed checks, then the output."""
        failed = failed_checks(self.probe.transcript) if self.probe else ()
        messages = [one.message for one in self.raised] + [check.message for check in failed]
        return "\n".join([*messages, self.output])

    @cached_property
    def installed(self) -> dict[str, Version]:
        """Canonical name -> version of what is installed."""
        return {name: version for name, text in self.facts.installed.items() if (version := packages.version(text))}

    @cached_property
    def distributions(self) -> dict[str, Distribution]:
        """Canonical name -> what the metadata of an installed distribution tells."""
        environment = self.facts.environment
        return {one.name: one for one in environment.distributions} if environment else {}

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """The frames of the root cause, or of the stacks that were dumped when the process died; innermost first."""
        return frames_of(self.raised) if self.raised else dumped_frames(self.output)

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The distributions whose code the failure passed through, innermost first, each once."""
        owners = [self.owner(frame.file) for frame in self.frames]
        if not any(owners):
            # A crash in compiled code leaves no frame of it, but the list of what was loaded; a file that cannot be
            # parsed is named in the message.
            loaded = loaded_extensions(self.output) if not self.raised else ()
            owners += map(self.provider, loaded)
            unread = [_UNPARSED.search(one.message) for one in self.raised if one.type.endswith("SyntaxError")]
            owners += [self.provider(found["module"]) for found in unread if found]
        return tuple(dict.fromkeys(owner for owner in owners if owner))

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """The distributions that the combo itself asks for, in order."""
        return packages.names(text for step in self.facts.combo.steps for text in step)

    @cached_property
    def pinned(self) -> frozenset[str]:
        """The distributions of which the combo asks for one exact version."""
        requirements = packages.requirements(text for step in self.facts.combo.steps for text in step)
        return frozenset(packages.name_of(one) for one in requirements if "==" in str(one.specifier))

    @property
    def python(self) -> tuple[int, int]:
        """The minor version of the environment's Python."""
        text = self.facts.python_version or self.facts.combo.python
        numbers = [int(part) for part in text.split(".")[:2] if part.isdigit()]
        return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)

    def owner(self, file: str) -> str | None:
        """Return the distribution that owns ``file``; None for the probe itself and the standard library."""
        inside = installed_path(file)
        if inside is None and not file.startswith(("/", "<")):
            # Compiled by Cython, code gives its place from the top of its package on.
            inside = file
        return self.provider(re.sub(r"\.pyx?$", "", inside).replace("/", ".")) if inside is not None else None

    def provider(self, module: str) -> str | None:
        """Return the installed distribution that provides ``module``, a dotted name."""
        top, _, rest = module.partition(".")
        top = top.partition(".cpython-")[0]
        owners = [one.name for one in self.distributions.values() if top in one.modules or module in one.modules]
        if len(owners) > 1:
            # A namespace package: the owner is named after the part of it that it brings.
            second = canonicalize_name(rest.partition(".")[0] or top)
            named = [name for name in owners if second in name or name in second]
            return (named or owners)[0]
        if owners:
            return owners[0]
        return canonicalize_name(top) if canonicalize_name(top) in self.installed else None

    def requirements(self, name: str) -> Iterator[Requirement]:
        """Yield what distribution ``name`` declares to need here, extras left aside."""
        distribution = self.distributions.get(name)
        for requirement in packages.requirements(distribution.requires if distribution else ()):
            if packages.applies(requirement, self.facts.python_version):
                yield requirement

    def needs(self, name: str) -> tuple[str, ...]:
        """Return the installed distributions that ``name`` declares to need."""
        needed = dict.fromkeys(map(packages.name_of, self.requirements(name)))
        return tuple(one for one in needed if one in self.installed)

    def shown(self, name: str) -> str:
        """Return ``name version`` of an installed distribution, or just the name."""
        if name == "python":
            return f"Python {self.python[0]}.{self.python[1]}"
        return f"{name} {self.installed[name]}" if name in self.installed else name
