"""Run a probe in an environment: compose the command, run it, and read the records it wrote."""

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from knowngood.model import Combo, Probe, ProbeFacts
from knowngood.probe import transcript
from knowngood.process import Processes

RUNNER = Path(__file__).parent / "in_env" / "probe_api.py"

# The variables of the harness that reach a probe. KG_ is for users who want to pass something to their probes.
_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TERM")
_PASSED_ON_PREFIXES = ("KG_", "KMP_", "MKL_", "OMP_", "OPENBLAS_")
_OFFLINE = {
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
}
_THREADS = ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, kw_only=True, slots=True)
class Launcher:
    """Runs probes the same way in every environment of a run.

    ``outside`` is the environment of the harness; only the variables of an allow-list reach a probe. ``assets`` maps
    the names of the matrix's assets to paths. ``threads`` is how many threads numeric libraries may use in one probe.
    """

    processes: Processes
    outside: Mapping[str, str]
    assets: Mapping[str, Path]
    threads: int

    def launch(self, python: Path, combo: Combo, probe: Probe, folder: Path) -> ProbeFacts:
        """Run ``probe`` with ``python``, the interpreter of the combo's environment.

        ``folder`` is emptied first. The script, its records and its log stay there.
        """
        if folder.exists():
            shutil.rmtree(folder)
        work, home, temporary = folder / "work", folder / "home", folder / "tmp"
        for private in (work, home, temporary):
            private.mkdir(parents=True)
        script = folder / f"{probe.id}.py"
        script.write_text(probe.source, encoding="utf-8")
        records, log, nonce = folder / "records.jsonl", folder / "probe.log", secrets.token_hex(16)
        action = self.processes.run(
            self.command(python, combo, script, records, nonce=nonce),
            env=self.settings(combo) | {"HOME": str(home), "TMPDIR": str(temporary)} | dict(combo.env),
            cwd=work,
            log=log,
            timeout=combo.timeout,
        )
        data = records.read_bytes() if records.exists() else b""
        for private in (work, home, temporary):
            shutil.rmtree(private, ignore_errors=True)
        return ProbeFacts(probe=probe.id, action=action, transcript=transcript.read(data, nonce=nonce))

    def command(self, python: Path, combo: Combo, script: Path, records: Path, *, nonce: str) -> list[str]:
        """Return the command that runs ``script`` as a probe of ``combo`` and appends its records to ``records``."""
        config = {
            "assets": {name: str(path) for name, path in self.assets.items()},
            "pins": [requirement for step in combo.steps for requirement in step.requirements],
            # Dump the stacks of all threads just before the deadline, so that the report can say where a probe hangs.
            "dump_after": max(combo.timeout - 0.5, combo.timeout * 0.8),
        }
        runner = [str(python), "-I", "-u", "-X", "faulthandler", "-X", "utf8", str(RUNNER), str(script)]
        return [*runner, "--out", str(records), "--nonce", nonce, "--config", json.dumps(config)]

    def settings(self, combo: Combo) -> dict[str, str]:
        """Return the environment variables of the combo's probes, except HOME and TMPDIR, which each launch sets."""
        passed_on = {
            name: value
            for name, value in self.outside.items()
            if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
        }
        fixed = {"TZ": "UTC", "PYTHONHASHSEED": "0"}
        threads = {name: str(self.threads) for name in _THREADS}
        return {"LANG": "C.UTF-8"} | passed_on | _OFFLINE | threads | fixed | dict(combo.env)
