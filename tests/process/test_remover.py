import subprocess
import sys
import textwrap
import time
from pathlib import Path

from knowngood.process import Remover


def folder_with_a_file(folder: Path, name: str) -> Path:
    (folder / name / "deep").mkdir(parents=True)
    (folder / name / "deep" / "file").touch()
    return folder / name


def test_close_returns_when_every_folder_is_deleted(tmp_path: Path) -> None:
    remover, folders = Remover(), [folder_with_a_file(tmp_path, name) for name in ("one", "with a\nline", "\udcff")]

    for folder in folders:
        remover.remove(folder)
    remover.remove(tmp_path / "never was there")
    remover.close()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_deleted_even_though_the_harness_exits_without_waiting(tmp_path: Path) -> None:
    source = """
        import sys
        from pathlib import Path
        from knowngood.process import Remover
        remover = Remover()
        remover.remove(Path(sys.argv[1]))
        remover.close(wait=False)
    """
    folder = folder_with_a_file(tmp_path, "one")

    subprocess.run([sys.executable, "-c", textwrap.dedent(source), folder], check=True)

    deadline = time.monotonic() + 30
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()


def test_a_process_is_started_for_the_first_folder_and_not_before(tmp_path: Path) -> None:
    source = """
        import sys
        from pathlib import Path
        from knowngood.process import Remover
        started = []
        sys.addaudithook(lambda event, _: started.append(event) if event in ("subprocess.Popen", "os.fork") else None)
        unused = Remover()
        unused.close()
        before = list(started)
        used = Remover()
        used.remove(Path(sys.argv[1]))
        used.close()
        print(before, started)
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), tmp_path / "never existed"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[] ['subprocess.Popen']\n"
