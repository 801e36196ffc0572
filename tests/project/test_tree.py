"""Snapshots of a project: what they hold, what they leave alone, and what git says in a copy."""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from knowngood.process import Processes
from knowngood.project.tree import Tree, Trees, take
from support.repositories import commit, git, repository, state, write

Take = Callable[[Path], Tree]


@pytest.fixture
def snapshot(tmp_path: Path, environ: Mapping[str, str]) -> Take:
    """Return a function that takes a snapshot of a folder."""
    processes = Processes(tmp_path / "run")
    numbers = iter(range(100))
    return lambda project: take(
        project, tmp_path / "run" / f"tree-{next(numbers)}", processes=processes, environ=environ
    )


def listed(folder: Path) -> set[str]:
    """Return the paths of everything in a copy except git's own files and folders."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix() for path in paths if ".git" not in path.relative_to(folder).parts}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_snapshot_has_what_git_tracks_or_does_not_ignore(tmp_path: Path, snapshot: Take) -> None:
    project = repository(
        tmp_path / "p", {"src/a.py": "1", "gone.py": "2", ".gitignore": "*.log\nout/\n", "keep.log": ""}
    )
    git(project, "add", "--force", "keep.log")
    commit(project)
    write(project, {"new.py": "3", "src/a.py": "changed", "x.log": "", "out/x.py": "", "folder/deep/new.txt": "4"})
    (project / "gone.py").unlink()

    tree = snapshot(project)

    assert set(tree.files) == {"src/a.py", ".gitignore", "keep.log", "new.py", "folder/deep/new.txt"}
    assert listed(tree.folder) == set(tree.files)
    assert tree.files["src/a.py"] == sha256("changed")
    assert (tree.folder / "src" / "a.py").read_text(encoding="utf-8") == "changed"


def test_taking_and_copying_a_snapshot_writes_nothing_to_the_project(tmp_path: Path, snapshot: Take) -> None:
    project = repository(tmp_path / "p", {"a.py": "1", "b.py": "2"})
    write(project, {"a.py": "changed"})
    os.utime(project / "b.py")  # git would refresh its index for this file
    before = state(project)

    write(
        snapshot(project).copy(tmp_path / "copy"), {"a.py": "in the copy", "c.py": "", ".git/HEAD": "ref: refs/heads/x"}
    )

    assert state(project) == before
    assert git(project, "status", "--porcelain") == " M a.py"


def test_executable_files_links_and_odd_names_are_kept(tmp_path: Path, snapshot: Take) -> None:
    project = repository(
        tmp_path / "p", {"run.sh": "#!/bin/sh", "data/x y.txt": "1", "naïve\n.py": "2", "read.only": "3"}
    )
    (project / "run.sh").chmod(0o755)
    (project / "read.only").chmod(0o444)
    (project / "link").symlink_to("data/x y.txt")
    (project / "folder-link").symlink_to("data")
    (project / "broken").symlink_to("nowhere")
    odd = os.fsdecode(b"latin-\xe9.py")
    (project / odd).write_text("4", encoding="utf-8")
    commit(project)

    tree = snapshot(project)
    copy = tree.copy(tmp_path / "copy")

    assert listed(copy) == set(tree.files) == {
        "run.sh", "data/x y.txt", "naïve\n.py", "read.only", "link", "folder-link", "broken", odd
    }  # fmt: skip
    assert os.access(copy / "run.sh", os.X_OK) and not os.access(copy / "data/x y.txt", os.X_OK)
    assert tree.executable == {"run.sh"}
    assert (copy / "folder-link").readlink() == Path("data")
    assert tree.files["broken"] == sha256("nowhere")
    assert (copy / odd).read_text(encoding="utf-8") == "4"
    assert git(copy, "status", "--porcelain") == ""


def test_a_folder_that_became_a_link_has_no_files_of_its_own(tmp_path: Path, snapshot: Take) -> None:
    project = repository(tmp_path / "p", {"old/a.py": "1", "old/b/c.py": "2", "other/a.py": "3"})
    for path in ("old/b/c.py", "old/a.py"):
        (project / path).unlink()
    (project / "old" / "b").rmdir()
    (project / "old").rmdir()
    (project / "old").symlink_to("other")

    assert set(snapshot(project).files) == {"old", "other/a.py"}


def test_git_in_a_copy_says_what_it_says_in_the_project(tmp_path: Path, snapshot: Take) -> None:
    project = repository(tmp_path / "p", {"a.py": "1", "b.py": "2"})
    git(project, "tag", "--annotate", "v1.2", "--message", "v1.2")
    git(project, "remote", "add", "origin", "https://user:secret@example.org/x.git")
    (project / ".git" / "hooks" / "post-checkout").write_text("#!/bin/sh\n", encoding="utf-8")
    head = commit(project, "Second")
    write(project, {"new.py": ""})

    tree = snapshot(project)
    copy = tree.copy(tmp_path / "copy")

    described = ("describe", "--dirty", "--tags", "--long")
    assert git(copy, *described) == git(project, *described) == f"v1.2-1-g{head[:7]}"
    assert git(copy, "status", "--porcelain") == "?? new.py"
    assert git(copy, "rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert (tree.commit, tree.dirty) == (head, True)
    private = [path for path in (copy / ".git").rglob("*") if path.is_file()]
    assert not [path for path in private if b"secret" in path.read_bytes() or "hooks" in path.parts]
    assert git(copy, "rev-parse", "--show-toplevel") == str(copy)


def test_a_changed_file_and_a_new_index_are_dirty_in_a_copy(tmp_path: Path, snapshot: Take) -> None:
    project = repository(tmp_path / "p", {"a.py": "1", "b.py": "2"})
    git(project, "tag", "v1.0")
    assert snapshot(project).dirty is False
    write(project, {"a.py": "2"})  # as large as before, within the same second

    copy = snapshot(project).copy(tmp_path / "copy")

    assert git(copy, "describe", "--dirty", "--tags") == "v1.0-dirty"
    assert git(copy, "status", "--porcelain") == " M a.py"


def test_a_worktree_a_shallow_clone_and_a_detached_head_are_repositories_like_any_other(
    tmp_path: Path, snapshot: Take
) -> None:
    origin = repository(tmp_path / "origin", {"a.py": "1"})
    commit(origin, "Second")
    git(origin, "worktree", "add", "--quiet", "--detach", str(tmp_path / "worktree"))
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{origin}", str(tmp_path / "shallow"))

    for name in ("worktree", "shallow"):
        tree = snapshot(tmp_path / name)
        copy = tree.copy(tmp_path / f"{name}-copy")
        assert tree.commit == git(origin, "rev-parse", "HEAD")
        assert git(copy, "status", "--porcelain") == ""
        assert git(copy, "log", "--format=%s") == git(tmp_path / name, "log", "--format=%s")


def test_a_repository_without_a_commit_has_its_files(tmp_path: Path, snapshot: Take) -> None:
    project = tmp_path / "p"
    project.mkdir()
    git(project, "init", "--quiet")
    write(project, {"a.py": "1"})

    tree = snapshot(project)

    assert set(tree.files) == {"a.py"}
    assert (tree.commit, tree.dirty) == (None, True)
    assert git(tree.copy(tmp_path / "copy"), "status", "--porcelain") == "?? a.py"


def test_submodules_and_clones_inside_are_copied_without_their_git_folder(tmp_path: Path, snapshot: Take) -> None:
    part = repository(tmp_path / "part", {"p.py": "1", ".gitignore": "*.log"})
    project = repository(tmp_path / "p", {"a.py": "1"})
    git(project, "submodule", "--quiet", "add", str(part), "libs/part")
    commit(project)
    git(project, "clone", "--quiet", str(part), "clone")
    write(project, {"libs/part/new.py": "2", "libs/part/x.log": "", "clone/new.py": ""})

    tree = snapshot(project)

    assert set(tree.files) == {
        "a.py", ".gitmodules", "libs/part/p.py", "libs/part/.gitignore", "libs/part/new.py",
        "clone/p.py", "clone/.gitignore", "clone/new.py",
    }  # fmt: skip
    assert listed(tree.copy(tmp_path / "copy")) == set(tree.files)


def test_a_project_in_a_subfolder_comes_with_its_repository(tmp_path: Path, snapshot: Take) -> None:
    top = repository(tmp_path / "top", {"README.md": "1", "packages/a/a.py": "2", "packages/b/b.py": "3"})
    git(top, "tag", "v2.0")

    tree = snapshot(top / "packages" / "a")
    copy = tree.copy(tmp_path / "copy")

    assert set(tree.files) == {"a.py", "../b/b.py", "../../README.md"}
    assert copy == tmp_path / "copy" / "packages" / "a"
    assert (copy / "../../README.md").read_text(encoding="utf-8") == "1"
    assert tree.select() == ("a.py",)
    assert git(copy, "describe", "--dirty", "--tags") == "v2.0"


def test_a_repository_in_the_home_of_a_user_does_not_bring_everything_that_is_there(tmp_path: Path) -> None:
    home = repository(tmp_path / "home", {".profile": "1"})
    write(home, {"photos/large.jpg": "", "code/p/a.py": "1"})
    environ = {"HOME": str(home), "PATH": os.environ["PATH"]}

    tree = take(home / "code" / "p", tmp_path / "tree", processes=Processes(tmp_path), environ=environ)

    assert set(tree.files) == {"a.py", "../../.profile"}


@pytest.mark.parametrize("where", ["nowhere", "ignored"])
def test_without_git_a_snapshot_leaves_out_what_tools_made(where: str, tmp_path: Path, snapshot: Take) -> None:
    project = tmp_path / "p"
    if where == "ignored":
        project = repository(tmp_path / "top", {".gitignore": "scratch/"}) / "scratch" / "p"
    kept = {"a.py": "1", "src/build/b.py": "2", ".hidden": "3", "tests/data/x": "4"}
    made = [".venv/pyvenv.cfg", "env/pyvenv.cfg", "env/lib/x.py", "build/lib/a.py", "dist/x.whl", ".tox/x", "a.pyc"]
    made += ["src/p.egg-info/PKG-INFO", "src/__pycache__/a.pyc", ".knowngood/runs/x", "node_modules/x/y.py"]
    write(project, kept | dict.fromkeys(made, ""))

    tree = snapshot(project)

    assert set(tree.files) == set(kept)
    assert (tree.commit, tree.dirty, tree.state) == (None, False, "")
    assert not (tree.folder / ".git").exists()


def test_a_machine_without_git_takes_the_folder_as_it_is(tmp_path: Path) -> None:
    project = repository(tmp_path / "p", {"a.py": "1", ".gitignore": "*.log"})
    write(project, {"x.log": ""})
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}

    tree = take(project, tmp_path / "tree", processes=Processes(tmp_path), environ=environ)

    assert set(tree.files) == {"a.py", ".gitignore", "x.log"}


def test_a_pipe_or_socket_is_left_out(tmp_path: Path, snapshot: Take) -> None:
    project = write(tmp_path / "p", {"a.py": "1"})
    os.mkfifo(project / "pipe")

    assert set(snapshot(project).files) == {"a.py"}


def test_variables_of_a_git_hook_do_not_lead_to_another_repository(tmp_path: Path, environ: Mapping[str, str]) -> None:
    other = repository(tmp_path / "other", {"other.py": ""})
    project = repository(tmp_path / "p", {"a.py": "1"})
    hook = {**environ, "GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other), "GIT_INDEX_FILE": str(other / "i")}

    tree = take(project, tmp_path / "run" / "tree", processes=Processes(tmp_path), environ=hook)

    assert set(tree.files) == {"a.py"}


def test_a_repository_of_another_user_runs_no_command(tmp_path: Path, environ: Mapping[str, str]) -> None:
    project = repository(tmp_path / "p", {"a.txt": "1", ".gitattributes": "*.txt filter=x"})
    for key in ("clean", "process"):
        git(project, "config", f"filter.x.{key}", f"touch {tmp_path}/ran; cat")
    git(project, "config", "filter.x.required", "true")
    git(project, "config", "core.fsmonitor", f"touch {tmp_path}/ran")
    os.utime(project / "a.txt", (0, 0))
    # git does not trust what another user owns, unless it is said to.
    text = f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {shutil.which("git")} "$@"\n'
    pretends = write(tmp_path / "bin", {"git": text}) / "git"
    pretends.chmod(0o755)
    foreign = {**environ, "PATH": f"{pretends.parent}{os.pathsep}{os.environ['PATH']}"}

    tree = take(project, tmp_path / "run" / "tree", processes=Processes(tmp_path), environ=foreign)

    assert tree.commit is not None
    assert not tree.dirty
    assert not (tmp_path / "ran").exists()


IN_THE_PROJECT = [
    ".github/x.yml",
    "README.md",
    "a.py",
    "src/a.py",
    "src/deep/b.py",
    "src/deep/c.txt",
    "tests/test_a.py",
]


@pytest.fixture
def sorted_tree(tmp_path: Path) -> Tree:
    names = sorted([*IN_THE_PROJECT, "../up.md"])
    return Tree(root=tmp_path, folder=tmp_path, files=dict.fromkeys(names, "0"))


@pytest.mark.parametrize(
    ("globs", "selected"),
    [
        (["*.py"], ["a.py"]),
        (["**/*.py"], ["a.py", "src/a.py", "src/deep/b.py", "tests/test_a.py"]),
        (["src"], ["src/a.py", "src/deep/b.py", "src/deep/c.txt"]),
        (["./src/"], ["src/a.py", "src/deep/b.py", "src/deep/c.txt"]),
        (["src/**"], ["src/a.py", "src/deep/b.py", "src/deep/c.txt"]),
        (["src/*"], ["src/a.py", "src/deep/b.py", "src/deep/c.txt"]),
        (["src/*.py"], ["src/a.py"]),
        (["src/**/b.py"], ["src/deep/b.py"]),
        (["**/deep"], ["src/deep/b.py", "src/deep/c.txt"]),
        (["?.py", "[R]*.md"], ["README.md", "a.py"]),
        (["src/deep/[!c].*"], ["src/deep/b.py"]),
        (["../*.md"], ["../up.md"]),
        (["a+py"], []),
        (["**"], IN_THE_PROJECT),
        (["."], IN_THE_PROJECT),
    ],
)  # fmt: skip
def test_globs_select_files(globs: list[str], selected: list[str], sorted_tree: Tree) -> None:
    assert list(sorted_tree.select(globs)) == selected


def test_excluded_files_are_not_selected(sorted_tree: Tree) -> None:
    assert sorted_tree.select(exclude=["src", "*.md", ".github/**"]) == ("a.py", "tests/test_a.py")


def test_a_digest_depends_on_the_selected_files_only(tmp_path: Path, snapshot: Take) -> None:
    project = repository(tmp_path / "p", {"a.py": "1", "README.md": "1"})

    def digests() -> tuple[str, str]:
        tree = snapshot(project)
        return tree.digest(), tree.digest(exclude=["*.md"])

    first = digests()
    assert digests() == first
    write(project, {"README.md": "2"})
    readme = digests()
    assert readme[0] != first[0] and readme[1] == first[1]
    write(project, {"b.py": ""})
    added = digests()
    assert added[1] != first[1]
    (project / "a.py").chmod(0o755)
    assert digests()[1] != added[1]


def test_the_state_of_a_repository_depends_on_commit_tags_and_changes(tmp_path: Path, snapshot: Take) -> None:
    project = repository(tmp_path / "p", {"a.py": "1"})
    states = [snapshot(project).state]
    git(project, "tag", "v1")
    states.append(snapshot(project).state)
    commit(project, "Second")
    states.append(snapshot(project).state)
    write(project, {"a.py": "2"})
    states.append(snapshot(project).state)

    assert len(set(states)) == 4
    assert snapshot(project).state == states[-1]


def test_a_run_takes_each_snapshot_once_and_deletes_it_in_the_end(tmp_path: Path, environ: Mapping[str, str]) -> None:
    project, other = write(tmp_path / "p", {"a.py": "1"}), write(tmp_path / "q", {"b.py": "1"})
    trees = Trees(tmp_path / "run" / "trees", processes=Processes(tmp_path / "run"), environ=environ)
    barrier = threading.Barrier(4)

    def ask(_: int) -> Tree:
        barrier.wait()
        return trees.of(project)

    with ThreadPoolExecutor(4) as pool:
        snapshots = list(pool.map(ask, range(4)))

    assert all(tree is snapshots[0] for tree in snapshots)
    write(project, {"a.py": "2"})
    assert trees.of(project / ".." / "p").files["a.py"] == sha256("1")
    assert set(trees.of(other).files) == {"b.py"}
    trees.close()
    assert not (tmp_path / "run" / "trees").exists()
