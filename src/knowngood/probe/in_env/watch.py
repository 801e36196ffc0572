"""Watch what a script probe reads, what it starts, and whether it connects. Stdlib only, Python 3.8 and newer.

``probe_api.py`` loads this module, and its docstring says what is recorded. A verdict is reused only when everything
that the probe read is still the same.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MOST_READS = 5000  # most paths that are recorded
_MOST_NAMES = 2000  # most names of a folder that are recorded

_WATCHED = frozenset(
    (
        "ctypes.dlopen",
        "import",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.listdir",
        "os.posix_spawn",
        "os.scandir",
        "os.spawn",
        "os.system",
        "pty.spawn",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.sendmsg",
        "socket.sendto",
        "sqlite3.connect",
        "subprocess.Popen",
    )
)
# Programs that only describe the machine, which the key of a verdict holds. Python's platform and ctypes start them.
_HARMLESS = frozenset(("getconf", "ldconfig", "lscpu", "sw_vers", "sysctl", "uname"))
_OF_SYSTEM = frozenset(("", "/bin", "/sbin", "/usr/bin", "/usr/sbin"))
_F_GETPATH = 50  # of fcntl on macOS; the module has a name for it since Python 3.9


class Watch:
    """Records what the probe opens, lists or looks at, what it starts, and whether it connects.

    It sees what Python's own functions do, in this process only: a program that the probe starts and native code of a
    package can read anything.
    """

    def __init__(self, private: list[str], write: Callable[..., None]) -> None:
        """``private``: folders whose files nothing depends on. ``write`` takes the kind of a record and its fields."""
        self.write = write
        folders = [sys.prefix, sys.exec_prefix, *private, os.path.dirname(os.path.abspath(__file__))]
        for base in (sys.base_prefix, sys.base_exec_prefix):
            # The Python of the system has a prefix that it shares with everything else.
            shared = base in ("/", "/usr", "/usr/local")
            folders.append(os.path.dirname(os.path.abspath(os.__file__)) if shared else base)
        folders += [os.path.realpath(folder) for folder in folders] + ["/proc", "/sys", "/dev"]
        self.private = tuple(dict.fromkeys(folder.rstrip("/") + "/" for folder in folders))
        self.seen: set[Any] = set()
        self.recorded = 0
        self.busy = False
        self.stat = os.stat
        self.search_path = frozenset(sys.path)
        self.asked: set[str] = set()  # distributions whose metadata or entry points were read, NAME-VERSION

    def start(self) -> None:
        """Begin to watch; there is no end."""
        is_private, seen, opened, others = self.is_private, self.seen, self.opened, self.others
        asked = self.asked

        # Called for every event of the interpreter, and an import of torch has 100,000 of them. Most are about modules
        # of Python that are installed. The first of their two events has no file: it gets out first.
        def hook(event: str, args: tuple[Any, ...]) -> None:
            if event == "import" and not args[1]:
                return
            if event == "open":
                path = args[0]
                if type(path) is str:
                    if path in seen:
                        return
                    if is_private(path):
                        if ".dist-info/" in path:
                            asked.add(path.rpartition(".dist-info/")[0].rpartition("/")[2])
                        return
                elif type(path) is int:
                    return
                with contextlib.suppress(Exception):  # an exception here would stop the probe from opening the file
                    opened(path, args[1], args[2])
            elif event in _WATCHED:
                with contextlib.suppress(Exception):
                    others(event, args)

        sys.addaudithook(hook)
        for name in ("stat", "lstat", "access"):
            self.replace(name, _Looking)
        self.replace("open", _Opening)
        with contextlib.suppress(ImportError):
            import _posixsubprocess

            # multiprocessing calls it directly, without an event of the interpreter.
            _posixsubprocess.fork_exec = _Starting(_posixsubprocess.fork_exec, self)

    def record_search_path(self) -> None:
        """Record the folders that the probe put on the search path and that are not there: a module may appear."""
        for path, finder in list(sys.path_importer_cache.items()):
            if finder is None and path not in self.search_path:
                os.path.exists(path)

    def is_private(self, path: str) -> bool:
        """Return whether the beginning of a path says that nothing depends on it."""
        return path.startswith(self.private) and "/.." not in path and not path.startswith("/dev/shm/")

    def replace(self, name: str, kind: type[_Looking]) -> None:
        """Replace a function of ``os`` by one that records paths for which Python has no audit event."""
        original = getattr(os, name)
        looking = kind(original, self)
        for group in (os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks):
            if original in group:
                group.add(looking)
        setattr(os, name, looking)

    def opened(self, path: Any, mode: Any, flags: Any) -> None:
        """Record a file that is going to be opened, unless it is only written."""
        path = self.absolute(path)
        if isinstance(mode, str):
            fresh, written = "w" in mode, "a" in mode and "+" not in mode
            exclusive = "x" in mode
        else:
            fresh = bool(flags & os.O_TRUNC)
            exclusive = bool(flags & os.O_EXCL)
            written = flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR) == os.O_WRONLY
        if path is None or path in self.seen:
            return
        if exclusive and self.exists(path):
            self.looked(path, True)
        elif fresh or exclusive:
            self.seen.add(path)  # it reads what it wrote itself
        elif not written:
            self.seen.add(path)
            self.read(_source(path))

    def read(self, path: str) -> None:
        """Record a file with what shows whether it changes later."""
        try:
            found = self.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            self.record(path, "absent")
        except OSError:
            self.record(path, "other")
        else:
            if stat.S_ISREG(found.st_mode):
                self.record(path, "file", size=found.st_size, mtime=found.st_mtime_ns)
            else:
                self.record(path, "exists" if stat.S_ISDIR(found.st_mode) else "other")

    def listed(self, path: str) -> None:
        """Record the names in a folder."""
        if ("names", path) in self.seen:
            return
        self.seen.add(("names", path))
        try:
            names = os.listdir(path)
        except OSError:
            self.record(path, "absent")
            return
        self.record(path, "names" if len(names) <= _MOST_NAMES else "other", names=sorted(names)[:_MOST_NAMES])

    def looked(self, path: Any, exists: bool) -> None:
        """Record whether there is something at a path."""
        if self.busy or (type(path) is str and (("look", path) in self.seen or self.is_private(path))):
            return
        absolute = None if isinstance(path, int) else self.absolute(path)
        if absolute is None or ("look", absolute) in self.seen or absolute in self.seen:
            return
        self.seen.add(("look", absolute))  # a relative path may be another one later
        if not any(folder.startswith(absolute.rstrip("/") + "/") for folder in self.private):
            self.record(absolute, "exists" if exists else "absent")

    def others(self, event: str, args: tuple[Any, ...]) -> None:
        """Record any other event."""
        if event == "import":
            if args[1]:  # the file of an extension module
                self.opened(args[1], "rb", 0)
        elif event in ("os.listdir", "os.scandir"):
            listed = self.folder(args[0]) if isinstance(args[0], int) else args[0] or "."
            path = None if listed is None else self.absolute(listed)
            if path is not None:
                self.listed(path)
        elif event == "ctypes.dlopen":
            # Without a slash it is a library of the system.
            if isinstance(args[0], (str, bytes)) and os.sep in os.fsdecode(args[0]):
                self.opened(args[0], "rb", 0)
        elif event == "sqlite3.connect":
            database = _database(os.fsdecode(args[0]))
            if database is not None:
                self.opened(database, "rb", 0)
                self.opened(database + "-wal", "rb", 0)
        elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self.once("connected")
        elif event == "socket.getaddrinfo":
            if args[0] not in (None, "", b"", "localhost", "127.0.0.1", "::1"):
                self.once("connected")
        else:
            self.started(_program(event, args))

    def started(self, program: str) -> None:
        """Record a program, unless it only describes the machine."""
        folder, name = os.path.split(program)
        harmless = name in _HARMLESS and folder in _OF_SYSTEM
        if not harmless and not _looks_for_library():
            self.once("spawned", program=program[:200])

    def once(self, kind: str, **fields: Any) -> None:
        """Write a record, if it is the first of its kind with these fields."""
        what = (kind, *fields.values())
        if what not in self.seen and len(self.seen) < 10 * _MOST_READS:
            self.seen.add(what)
            self.write(kind, **fields)

    def record(self, path: str, found: str, **fields: Any) -> None:
        """Write a record of a path; when there are too many, say that not all of them are recorded."""
        self.recorded += 1
        if self.recorded <= _MOST_READS:
            self.write("read", path=path, found=found, **fields)
        elif self.recorded == _MOST_READS + 1:
            self.write("unwatched")

    def absolute(self, path: Any) -> str | None:
        """Return an absolute path; None when it is private."""
        path = os.path.abspath(os.fsdecode(path))
        if self.is_private(path + "/"):
            return None
        self.busy = True  # finding out where a link points to looks at its folders
        try:
            return None if self.is_private(os.path.realpath(path) + "/") else path
        finally:
            self.busy = False

    def exists(self, path: str) -> bool:
        """Return whether there is something at a path."""
        try:
            self.stat(path)
        except OSError:
            return False
        return True

    def folder(self, descriptor: int) -> str | None:
        """Return the path of an open folder. If the system does not say it, record that a read is not known."""
        try:
            if sys.platform == "darwin":
                import fcntl

                return os.fsdecode(fcntl.fcntl(descriptor, _F_GETPATH, b"\0" * 1024).rstrip(b"\0"))
            return os.readlink("/proc/self/fd/%d" % descriptor)
        except OSError:
            self.once("unwatched")
            return None


class _Looking:
    """A function of ``os`` whose first argument is a path. An object is not bound when a class holds it."""

    def __init__(self, original: Any, watch: Watch) -> None:
        self.original = original
        self.watch = watch
        self.__name__ = original.__name__
        self.__doc__ = original.__doc__

    def __call__(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the function, and record whether it found something."""
        try:
            result = self.original(path, *args, **kwargs)
        except OSError:
            self.looked(path, kwargs, False)
            raise
        self.looked(path, kwargs, result is not False)
        return result

    def looked(self, path: Any, kwargs: dict[str, Any], exists: bool) -> None:
        """Record the result."""
        with contextlib.suppress(Exception):
            place = self.placed(path, kwargs.get("dir_fd"))
            if place is not None:
                self.watch.looked(place, exists)

    def placed(self, path: Any, folder: int | None) -> Any:
        """Return a path that may be relative to an open folder; None when it is not known where that is."""
        if folder is None:
            return path
        place = self.watch.folder(folder)
        return None if place is None else os.path.join(place, os.fsdecode(path))


class _Opening(_Looking):
    """``os.open``: its audit event does not say which open folder a path is relative to."""

    def __call__(self, path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
        """Record a file in an open folder, and open it."""
        if kwargs.get("dir_fd") is not None:
            with contextlib.suppress(Exception):
                place = self.placed(path, kwargs["dir_fd"])
                if place is not None:
                    self.watch.opened(place, None, flags)
        return self.original(path, flags, *args, **kwargs)


class _Starting:
    """The function by which Python's own modules start programs."""

    def __init__(self, original: Any, watch: Watch) -> None:
        self.original = original
        self.watch = watch

    def __call__(self, arguments: Any, *others: Any) -> Any:
        """Record the program, and start it."""
        with contextlib.suppress(Exception):
            self.watch.started(os.fsdecode(arguments[0]))
        return self.original(arguments, *others)


def _looks_for_library() -> bool:
    """Return whether ``ctypes.util`` starts the program: it asks linker and compiler where a library is."""
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.endswith("ctypes/util.py"):
            return True
        frame = frame.f_back
    return False


def _database(name: str) -> str | None:
    """Return the path of a database of SQLite, whose name may be a URI; None for one in memory."""
    if name.startswith("file:"):
        from urllib.parse import unquote

        path, _, query = name[5:].partition("#")[0].partition("?")
        if "mode=memory" in query.split("&"):
            return None
        name = unquote(path)
        if name.startswith("//"):  # before the path may be a host: only this one
            name = "/" + name[2:].partition("/")[2]
    return None if name in ("", ":memory:") else name


def _program(event: str, args: tuple[Any, ...]) -> str:
    """Return the program that an event starts; for a fork, the name of the event."""
    if event == "subprocess.Popen":
        program = args[0] or args[1]
    elif event in ("os.fork", "os.forkpty"):
        program = "fork"
    elif event == "os.spawn":
        program = args[1]
    else:
        program = args[0]
    if isinstance(program, (list, tuple)):
        program = program[0]
    return os.fsdecode(program)


def _source(path: str) -> str:
    """Return the source of a file of bytecode, which changes whenever the source does; any other path as it is."""
    folder, name = os.path.split(path)
    parent, last = os.path.split(folder)
    return os.path.join(parent, name.partition(".")[0] + ".py") if last == "__pycache__" else path
