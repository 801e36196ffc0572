"""One failure as the rules see it: what was raised, whose code it passed through, what is installed."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from knowngood import packages
from knowngood.judge.conflicts import Violation
from knowngood.judge.probes import failed_checks
from knowngood.model import (
    Action,
    Check,
    ComboFacts,
    Distribution,
    Drift,
    Frame,
    ProbeFacts,
    Problem,
    Raised,
    SourceFacts,
    Status,
    Verdict,
)
from knowngood.tracebacks import dumped_frames, frames_of, installed_path, last_exception, loaded_extensions

if TYPE_CHECKING:
    from knowngood.judge.evidence import Rules
    from knowngood.model.installer_output import InstallerOutput

_REPORTS_ANOTHER = ("builtins.AssertionError", "builtins.SystemExit", "subprocess.CalledProcessError")
"""Exceptions by which a probe reports that something else failed."""
_OWN_MODULE = re.compile(r"No module named '(?P<module>\w+)': it is in the folder of the tests")
"""What ``probe.in_env.pytest_records`` adds to the message about a module that is in the project."""
_LONG_WORD = re.compile(r"\S{400,}")
_UNPARSED = re.compile(r"\((?P<module>\w+)\.py, line \d+\)")


@dataclass(frozen=True, kw_only=True)
class Case:
    """The facts of a combo and the verdict of one of its probes, as the rules of a diagnosis see them."""

    facts: ComboFacts
    verdict: Verdict
    probe: ProbeFacts | None
    """The attempt that counts; None when the combo never got to its probe."""
    action: Action | None
    """The resolve, create or install command that failed, if one did."""
    violations: tuple[Violation, ...] = ()
    """The pins of the combo that the final environment violates."""
    drift: tuple[Drift, ...] = ()
    """What a later step moved."""
    rules: "Rules"

    @property
    def installer(self) -> "InstallerOutput":
        """What reads the output of the combo's commands."""
        return self.rules.reader(self.facts)

    @cached_property
    def failed_source(self) -> SourceFacts | None:
        """The project or archive of this machine that could not be built; None when all were."""
        sources = (source for step in self.facts.steps for source in step.sources)
        return next((source for source in sources if source.failed), None)

    @cached_property
    def failed_build(self) -> tuple[str, str | None] | None:
        """Canonical name and, if known, version of the package whose source did not build; None: no build failed."""
        if self.verdict.status is not Status.BUILD_FAIL or self.action is None:
            return None
        return self.installer.failed_build(self.action)

    @cached_property
    def _failed(self) -> tuple[Check, ...]:
        return failed_checks(self.probe.transcript) if self.probe else ()

    @cached_property
    def _failure(self) -> Check | Problem | None:
        """The first failed check that raised an exception; without one, what kept a suite from running."""
        raising = next((check for check in self._failed if check.raised), None)
        return raising or (self.probe.transcript.problem if self.probe else None)

    @cached_property
    def raised(self) -> tuple[Raised, ...]:
        """The exception of the failure and its causes, the root cause first."""
        raised = self._failure.raised if self._failure is not None else ()
        inside = any(installed_path(frame.file) is not None for exception in raised for frame in exception.frames)
        if self.probe and not inside and raised and raised[-1].type in _REPORTS_ANOTHER:
            # The probe says that something else failed; the output shows what. That of a suite is about all its tests.
            output = "" if self.is_suite else self.probe.action.output
            return last_exception(raised[-1].message) or last_exception(output) or raised
        return raised

    @cached_property
    def own(self) -> frozenset[str]:
        """The distributions that steps build from folders of this machine: the user's own code."""
        archives = (".whl", ".gz", ".bz2", ".xz", ".zip")
        sources = (source for step in self.facts.steps for source in step.sources)
        return frozenset(
            source.name for source in sources if not source.origin.endswith(archives) and "://" not in source.origin
        )

    @property
    def is_suite(self) -> bool:
        """Whether the probe is the user's own suite of tests."""
        transcript = self.probe.transcript if self.probe else None
        return transcript is not None and (transcript.collected is not None or transcript.problem is not None)

    @property
    def test_file(self) -> str | None:
        """The file of the test that failed, relative to the project; None where no test did."""
        return self._failure.name.partition("::")[0] if self.is_suite and isinstance(self._failure, Check) else None

    @cached_property
    def own_module(self) -> str | None:
        """The module that a suite failed for, though it is in the user's own project: pytest does not look there."""
        match = _OWN_MODULE.search(self._failure.message) if self.is_suite and self._failure is not None else None
        return match["module"] if match is not None else None

    @cached_property
    def output(self) -> str:
        """The output of the command that failed, or else of the probe."""
        action = self.action or (self.probe.action if self.probe else None)
        return _without_long_words(action.output) if action else ""

    @cached_property
    def text(self) -> str:
        """All messages of the exceptions and of the failed checks, Python's warnings, then the output."""
        messages = [exception.message for exception in self.raised] + [check.message for check in self._failed]
        warnings = [warning for check in self._failed for warning in check.warnings]
        return _without_long_words("\n".join([*messages, *warnings, self.output]))

    @property
    def warned_by(self) -> dict[str, str]:
        """Warning of Python that a failed check recorded -> the file that it is about."""
        return {warning: file for check in self._failed for warning, file in check.warned_by.items()}

    @cached_property
    def installed(self) -> dict[str, Version]:
        """Canonical name -> version of what is installed."""
        return {name: version for name, text in self.facts.installed.items() if (version := packages.version(text))}

    @cached_property
    def yanked(self) -> dict[str, str]:
        """Canonical name -> why the index yanked what is installed, or was chosen; empty: it does not say."""
        return {
            name: step.yank_reasons.get(name, "")
            for step in self.facts.steps
            for name in step.yanked
            if self.facts.installed.get(name, step.resolved.get(name)) == step.resolved.get(name)
        }

    @cached_property
    def distributions(self) -> dict[str, Distribution]:
        """Canonical name -> metadata of an installed distribution."""
        environment = self.facts.environment
        return {distribution.name: distribution for distribution in environment.distributions} if environment else {}

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """The frames of the root cause, or of the stack that was dumped when the process died; innermost first."""
        return frames_of(self.raised) if self.raised else dumped_frames(self.output)

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The distributions whose code the failure passed through, innermost first, each once."""
        owners = [self.owner(frame.file) for frame in self.frames]
        if not any(owners):
            # A crash in compiled code leaves no frame of it, but a list of what was loaded; a file that cannot be
            # parsed is named in the message.
            owners += map(self.provider, loaded_extensions(self.output) if not self.raised else ())
            syntax_errors = (raised.message for raised in self.raised if raised.type.endswith("SyntaxError"))
            owners += [self.provider(file["module"]) for file in map(_UNPARSED.search, syntax_errors) if file]
        return tuple(dict.fromkeys(owner for owner in owners if owner))

    @cached_property
    def loaded(self) -> frozenset[str]:
        """The distributions that may have a part in the failure: the probe loaded a module of them, or asked for them.

        All, where the record of that is not complete: the probe died, started programs, or was not watched.
        """
        environment = self.facts.environment
        transcript = self.probe.transcript if self.probe else None
        if environment is None or transcript is None:
            return frozenset(self.distributions)
        if not transcript.watched or not transcript.bye or transcript.spawned or not transcript.loaded:
            return frozenset(self.distributions)
        asked = {canonicalize_name(folder.partition("-")[0]) for folder in transcript.asked}
        return environment.loaded(frozenset(transcript.loaded)) | (asked & self.distributions.keys())

    @cached_property
    def requested(self) -> tuple[str, ...]:
        """The distributions that the combo itself asks for, in order."""
        return packages.names(text for step in self.facts.combo.steps for text in step.requirements)

    @cached_property
    def pinned(self) -> frozenset[str]:
        """The distributions that the combo asks for in one exact version."""
        requirements = packages.requirements(text for step in self.facts.combo.steps for text in step.requirements)
        return frozenset(
            packages.name_of(requirement) for requirement in requirements if "==" in str(requirement.specifier)
        )

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
            # Code that Cython compiled gives its file relative to the folder that its package is in.
            inside = file
        return self.provider(re.sub(r"\.pyx?$", "", inside).replace("/", ".")) if inside is not None else None

    def provider(self, module: str) -> str | None:
        """Return the installed distribution that provides ``module``, a dotted name."""
        top, _, rest = module.partition(".")
        top = top.partition(".cpython-")[0]
        owners = [
            distribution.name
            for distribution in self.distributions.values()
            if top in distribution.modules or module in distribution.modules
        ]
        if len(owners) > 1:
            # A namespace package: the owner is named after the part of it that it brings.
            second = canonicalize_name(rest.partition(".")[0] or top)
            named = [name for name in owners if second in name or name in second]
            return (named or owners)[0]
        if owners:
            return owners[0]
        return canonicalize_name(top) if canonicalize_name(top) in self.installed else None

    def requirements(self, name: str) -> tuple[Requirement, ...]:
        """Return the requirements that distribution ``name`` declares for this Python, without those of its extras."""
        distribution = self.distributions.get(name)
        return packages.applying(distribution.requires if distribution else (), self.facts.python_version)

    def needs(self, name: str) -> tuple[str, ...]:
        """Return the installed distributions that ``name`` requires."""
        needed = dict.fromkeys(map(packages.name_of, self.requirements(name)))
        return tuple(package for package in needed if package in self.installed)

    def label(self, name: str) -> str:
        """Return ``name version`` of an installed distribution, or just the name."""
        if name == "python":
            return f"Python {self.python[0]}.{self.python[1]}"
        return f"{name} {self.installed[name]}" if name in self.installed else name


def _without_long_words(text: str) -> str:
    """Return a text without the middle of words that nobody wrote: to match a pattern with one may take minutes."""
    return _LONG_WORD.sub(lambda word: f"{word[0][:150]}...{word[0][-150:]}", text)
