"""Read a git repository without changing anything in it, and write a private ``.git`` that stands for it.

The private one has the commits, branches, tags and index of the original, so that tools find the version of a project.
It copies no object, but names the folder of the original ones; it has no hook, no remote and no credential.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from knowngood.process import Processes
from knowngood.process.remover import remove_tree

_LIMIT = 120.0  # seconds

_SCRIPT = """
out=$1 home=$2
git() { command git -c safe.directory='*' -c core.fsmonitor=false "$@"; }
top=$(git rev-parse --show-toplevel; echo .)
top=${top%??}
[ -n "$top" ] && git rev-parse --absolute-git-dir > "$out/git" || exit 3
git rev-parse --git-common-dir > "$out/common" || exit 3
# A repository of another user, which git does not trust, must not run a command: no filter of its settings is used.
if ! command git rev-parse --git-dir > "$out/trusted" 2>&1; then
  git config --name-only --get-regexp '^filter\\..*\\.(clean|process|required)$' > "$out/filters"
  count=0
  while IFS= read -r name; do
    export "GIT_CONFIG_KEY_$count=$name" "GIT_CONFIG_VALUE_$count="
    count=$((count + 1))
  done < "$out/filters"
  export "GIT_CONFIG_COUNT=$count"
fi
# A home may be a repository of a few settings: never list everything in it.
[ "$top" = "$home" ] || cd "$top" || exit 3
printf '%s' "$top" > "$out/top"
git ls-files -z --full-name --others --exclude-standard > "$out/others" || exit 4
cd "$top" || exit 4
git ls-files -z --full-name --cached > "$out/tracked" || exit 4
git status --porcelain -z --untracked-files=no > "$out/changed" || exit 4
git for-each-ref --format='%(objectname) %(refname)' > "$out/refs" || exit 4
git symbolic-ref -q HEAD > "$out/head" || git rev-parse -q --verify HEAD > "$out/head"
git rev-parse -q --verify 'HEAD^{commit}' > "$out/commit"
git rev-parse --show-object-format > "$out/format" 2> /dev/null || echo sha1 > "$out/format"
git config -z --get-regexp '^core\\.(autocrlf|eol|filemode|symlinks|ignorecase)$' > "$out/config"
exit 0
"""
"""What git says goes into files of the folder ``$1``, because the log of a command has a limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """What git says about the working tree that a folder is in. Paths are relative to its top folder."""

    top: Path
    git: Path
    """The folder with its index: ``.git``, or that of a worktree."""
    common: Path
    """The folder with its objects: ``.git`` of the repository."""
    tracked: tuple[str, ...]
    """Also files that are deleted; a submodule is one path."""
    others: tuple[str, ...]
    """Files that are neither tracked nor ignored; a repository inside is one path that ends with a slash."""
    changed: bool
    """Whether a tracked file differs from the commit."""
    commit: str | None
    """None: there is none yet."""
    head: str
    """The full name of the branch, or the commit when none is checked out."""
    refs: tuple[str, ...]
    """Lines of ``packed-refs``."""
    object_format: str
    config: tuple[tuple[str, str], ...]
    """Settings that decide whether a file counts as changed."""

    @property
    def dirty(self) -> bool:
        """Whether the working tree holds anything that the commit does not."""
        return self.changed or bool(self.others)

    @property
    def state(self) -> str:
        """Everything that a version read from git depends on, as a digest: commit, branch, tags and changes."""
        tags = [line for line in self.refs if " refs/tags/" in line]
        return hashlib.sha256("\n".join([self.commit or "", self.head, str(self.changed), *tags]).encode()).hexdigest()


def read(folder: Path, *, processes: Processes, environ: Mapping[str, str], notes: Path) -> Repository | None:
    """Return the repository of the working tree that ``folder`` is in.

    None: there is none, this machine has no git, or git ignores the whole folder. ``notes`` is a folder for what git
    prints, which is deleted.
    """
    notes.mkdir(parents=True, exist_ok=True)
    home = Path(environ.get("HOME", "/")).resolve()
    # Variables of git name another repository when knowngood runs in a hook.
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    try:
        action = processes.run(
            ["/bin/sh", "-c", _SCRIPT, "sh", notes, home],
            # Without locks git writes nothing, not even a fresher index. It fetches nothing either.
            env=kept | {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"},
            cwd=folder,
            log=notes / "git.log",
            timeout=_LIMIT,
        )
        repository = _parsed(notes, folder) if action.exit.ok else None
    finally:
        remove_tree(notes)
    if repository is None:
        return None
    place = folder.resolve().relative_to(repository.top)
    prefix = "" if place == Path() else f"{place.as_posix()}/"
    listed = any(path.startswith(prefix) for paths in (repository.tracked, repository.others) for path in paths)
    return repository if listed else None


def _parsed(notes: Path, folder: Path) -> Repository:
    def text(name: str) -> str:
        return os.fsdecode((notes / name).read_bytes())

    def paths(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filter(None, text(name).split("\0"))))

    settings = (setting.partition("\n") for setting in text("config").split("\0") if setting)
    return Repository(
        top=Path(text("top")).resolve(),
        git=Path(text("git").removesuffix("\n")),
        common=(folder / text("common").removesuffix("\n")).resolve(),
        tracked=paths("tracked"),
        others=paths("others"),
        changed=bool(text("changed")),
        commit=text("commit").strip() or None,
        head=text("head").strip(),
        refs=tuple(text("refs").splitlines()),
        object_format=text("format").strip(),
        config=tuple((name, value) for name, _, value in settings),
    )


def write_private(repository: Repository, top: Path) -> None:
    """Write ``.git`` into ``top``, which has the files of the repository with the times of the originals."""
    folder = top / ".git"
    for name in ("objects/info", "refs", "info"):
        (folder / name).mkdir(parents=True)
    head = f"ref: {repository.head}" if repository.head.startswith("refs/") else repository.head
    (folder / "HEAD").write_text(f"{head}\n", encoding="utf-8")
    (folder / "packed-refs").write_text("".join(f"{line}\n" for line in repository.refs), encoding="utf-8")
    (folder / "objects" / "info" / "alternates").write_bytes(os.fsencode(repository.common / "objects") + b"\n")
    (folder / "config").write_text(_config(repository), encoding="utf-8")
    # The times of an index matter: git compares files with them.
    for file in (repository.git / "index", *repository.git.glob("sharedindex.*"), repository.common / "shallow"):
        if file.is_file():
            shutil.copy2(file, folder / file.name)


def _config(repository: Repository) -> str:
    """Return the settings of the private repository: copied files count as unchanged by their size and time alone."""
    is_sha1 = repository.object_format == "sha1"
    lines = ["[core]", f"repositoryformatversion = {0 if is_sha1 else 1}", "bare = false", "logallrefupdates = false"]
    lines += ["checkStat = minimal", "trustctime = false"]
    lines += [f"{PurePosixPath(name).suffix[1:]} = {value}" for name, value in repository.config]
    if not is_sha1:
        lines += ["[extensions]", f"objectFormat = {repository.object_format}"]
    return "\n".join(lines) + "\n"
