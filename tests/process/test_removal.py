import subprocess
import sys
import textwrap
import time
from pathlib import Path

from knowngood.process import Remover


def full(folder: Path, name: str) -> Path:
    (folder / name / "deep").mkdir(parents=True)
    (folder / name / "deep" / "file").touch()
    return folder / name


def test_what_is_removed_is_gone_when_one_waits_for_it(tmp_path: Path) -> None:
    remover, folders = Remover(), [full(tmp_path, name) for name in ("one", "with a\nline", "\udcff")]

    for folder in folders:
        remover.remove(folder)
    remover.remove(tmp_path / "never was there")
    remover.close()

    assert list(tmp_path.iterdir()) == []


def test_what_is_removed_goes_though_whoever_asked_for_it_does_not_wait(tmp_path: Path) -> None:
    source = """
        import sys
        from pathlib import Path
        from knowngood.process import Remover
        remover = Remover()
        remover.remove(Path(sys.argv[1]))
        remover.close(wait=False)
    """
    folder = full(tmp_path, "one")

    subprocess.run([sys.executable, "-c", textwrap.dedent(source), folder], check=True)

    deadline = time.monotonic() + 30
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()


def test_where_nothing_is_removed_nothing_is_started(tmp_path: Path) -> None:
    Remover().close()
