"""Ask one package index for its page of a package.

An answer is a page, None when the index does not have the package, or an ``IndexFault``. None is only returned when the
index has shown that it is one: an address that answers 404, or the same page, to everything is a fault.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit

from knowngood.install.access import Access, Login, without_login
from knowngood.install.pages import ACCEPT, File, NotAnIndexError, Page, only, parse
from knowngood.packages import bare_url

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_PATIENCE = 6.0  # seconds for one answer, with the look-up of the host, which has no limit of its own
_PAUSES = (0.3, 1.0)  # seconds between the attempts at a page
_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_REMEMBERED = 20.0  # seconds during which what could not be reached is not asked for again
_WHOLE = ("refused", "host name", "no connection", "certificate", "proxy")  # what is then true of all its pages
_FRESH = 600.0  # seconds for which a page is kept, as long as PyPI allows
_SURE_TO_EXIST = "pip"
_SURE_TO_BE_MISSING = "knowngood-no-such-package-7f3a"

T = TypeVar("T")


class Fault(Enum):
    """What is wrong with an index; the value begins the sentence that says so."""

    UNREACHABLE = "cannot be reached"
    REFUSED = "refuses access"
    ERROR = "answered with an error"
    NOT_AN_INDEX = "is not a package index"
    OFFLINE = "was not asked, because this run is offline"


class IndexFault(Exception):  # noqa: N818  a fault of the index, not an error of ours
    """An index could not list the files of a package."""

    def __init__(self, fault: Fault, cause: str, *, short: str = "") -> None:
        super().__init__(f"{fault.value}: {cause}")
        self.fault = fault
        self.cause = cause
        self.short = short or self.args[0]
        """The same in a few words, without the address."""
        self.next_step = _NEXT[fault]


_NEXT = {
    Fault.UNREACHABLE: "check its address and the network, then run again",
    Fault.REFUSED: "check the user and the password: in ~/.netrc, in the keyring, or in the variables of this index",
    Fault.ERROR: "run again later",
    Fault.NOT_AN_INDEX: "check the address",
    Fault.OFFLINE: "run again without --offline, or take the package from a folder of wheels",
}


class Upstream(Protocol):
    """One index."""

    @property
    def url(self) -> str:
        """Its address as reports may show it."""
        ...

    @property
    def key(self) -> str:
        """What tells it from every other index on any machine; no secret."""
        ...

    def page(self, package: str) -> Page | None:
        """Return its page of ``package`` (canonical name); None when it has none. Raises ``IndexFault``."""
        ...

    def serves(self, file: File) -> bool:
        """Return whether installers cannot get ``file`` from its URL, so that we hand it out ourselves."""
        ...


@dataclass(kw_only=True, slots=True)
class _Pages:
    """Fetches each page once, while other threads wait, and keeps it for some minutes; a failure is not kept."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    locks: dict[str, threading.Lock] = field(default_factory=dict)
    pages: dict[str, tuple[float, Page | None]] = field(default_factory=dict)

    def get(self, package: str, fetch: Callable[[], Page | None]) -> Page | None:
        with self.lock:
            own = self.locks.setdefault(package, threading.Lock())
        with own:
            kept = self.pages.get(package)
            if kept is None or time.monotonic() > kept[0]:
                kept = self.pages[package] = time.monotonic() + _FRESH, fetch()
            return kept[1]


class RemoteIndex:
    """An index that is reached over HTTP."""

    def __init__(self, url: str, access: Access, *, name: str = "") -> None:
        self._url = url
        self._access = access
        self._name = name
        self._login = access.login(url, name)
        self._pages = _Pages()
        self._failed: dict[str, tuple[float, IndexFault]] = {}
        self._proven = False

    @property
    def url(self) -> str:
        """Its address, without user, password and query."""
        return bare_url(self._url)

    @property
    def key(self) -> str:
        """See ``Upstream``."""
        return self.url

    @property
    def login(self) -> Login | None:
        """What it was asked with."""
        return self._login

    def page(self, package: str) -> Page | None:
        """Return its page of ``package``, see ``Upstream``."""
        return self._pages.get(package, lambda: self._believed(package))

    def serves(self, file: File) -> bool:
        """Return whether ``file`` needs a password that installers do not know; other hosts do not get it."""
        same_place = urlsplit(file.url)[:2] == urlsplit(without_login(self._url))[:2]
        return same_place and self._login is not None and not self._login.shared

    def knock(self) -> None:
        """Ask for the index itself, and find out what logs in to it. Raises ``IndexFault`` when it does not answer."""
        status = self._answer(self._url, body=False).status
        if status >= 500 or status == 401:
            raise _refusal(status, self._shown(self._url))

    def _believed(self, package: str) -> Page | None:
        page = self._fetch(package)
        if page is not None and page.files:
            self._proven = True
        elif page is None and not (self._proven or self._exists() or self._has(_SURE_TO_EXIST)):
            cause = f"it answers 404 to everything, also to {self._shown(self._url)}"
            raise IndexFault(Fault.NOT_AN_INDEX, cause)
        elif page is not None and not (page.marked or self._proven or self._tells_apart() or self._has(_SURE_TO_EXIST)):
            cause = f"{self._shown(self._address(package))} lists no file, like its other pages"
            raise IndexFault(Fault.NOT_AN_INDEX, cause)
        return page

    def _exists(self) -> bool:
        try:
            return self._answer(self._url, body=False).status < 400
        except IndexFault:
            return False

    def _has(self, package: str) -> bool:
        try:
            page = self._fetch(package)
        except IndexFault:
            return False
        return page is not None and bool(page.files)

    def _tells_apart(self) -> bool:
        """Return whether it answers otherwise when asked for a package that no index has."""
        try:
            return self._fetch(_SURE_TO_BE_MISSING) is None
        except IndexFault:
            return False

    def _fetch(self, package: str) -> Page | None:
        return self._read(self._address(package), package)

    def _read(self, address: str, package: str | None) -> Page | None:
        """Return what is at ``address`` of a package, or of all; None when there is nothing."""
        answer = self._answer(address)
        if answer.status in (404, 410):
            return None
        if answer.status >= 300:
            raise _refusal(answer.status, self._shown(address))
        final = urljoin(address, answer.url or "")
        try:
            return parse(answer.data, answer.headers.get("Content-Type", ""), final, package)
        except NotAnIndexError as error:
            raise IndexFault(Fault.NOT_AN_INDEX, f"{self._shown(address)} {error}") from None

    def _address(self, package: str) -> str:
        parts = urlsplit(self._url)
        return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{package}/", parts.query, ""))

    def _answer(self, address: str, *, body: bool = True) -> "BaseHTTPResponse":
        """Return the answer to a request, the last of a few attempts. Raises ``IndexFault`` when there is none."""
        from urllib3.exceptions import HTTPError

        for place in ("", address):
            until, fault = self._failed.get(place, (0.0, None))
            if fault is not None and time.monotonic() < until:
                raise fault
        deadline = time.monotonic() + _PATIENCE / 2
        for pause in (*_PAUSES, None):
            try:
                answer = self._logged_in(address, body)
            except (HTTPError, OSError, ValueError) as error:
                fault = self._unreachable(address, _reason(error))
                if pause is None or time.monotonic() > deadline or _is_final(fault):
                    place = "" if any(word in fault.short for word in _WHOLE) else address
                    self._failed[place] = time.monotonic() + _REMEMBERED, fault
                    raise fault from None
            else:
                if pause is None or time.monotonic() > deadline or answer.status not in _TRANSIENT:
                    return answer
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _unreachable(self, address: str, reason: str) -> IndexFault:
        return IndexFault(Fault.UNREACHABLE, f"{self._shown(address)}: {reason}", short=f"unreachable: {reason}")

    def _logged_in(self, address: str, body: bool) -> "BaseHTTPResponse":
        answer = _in_time(lambda: self._access.get(address, self._login, ACCEPT, body=body))
        if answer.status == 401 and (login := self._access.login_from_keyring(self._url, self._name)):
            self._login = login
            answer = _in_time(lambda: self._access.get(address, login, ACCEPT, body=body))
        return answer

    def _shown(self, address: str) -> str:
        parts = urlsplit(without_login(address))
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _refusal(status: int, address: str) -> IndexFault:
    fault = Fault.REFUSED if status in (401, 403, 407) else Fault.ERROR
    return IndexFault(fault, f"{address} answered {status}", short=f"answered {status}")


def _in_time(work: Callable[[], T]) -> T:
    """Return what ``work`` returns. Raises what it raises, and ``TimeoutError`` when it takes too long."""
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {_PATIENCE:g} s")
    return results[0]


def _is_final(fault: IndexFault) -> bool:
    """Return whether another attempt is sure to end the same way."""
    return any(word in fault.short for word in ("certificate", "circle", "invalid"))


def _reason(error: BaseException) -> str:
    """Return in a few words why a request got no answer."""
    from urllib3 import exceptions

    match error:
        case exceptions.MaxRetryError(reason=exceptions.ResponseError()):
            return "it redirects in a circle"
        case exceptions.MaxRetryError(reason=Exception() as reason):
            return _reason(reason)
        case exceptions.NameResolutionError():
            return "its host name is unknown"
        case exceptions.ProxyError():
            return f"the proxy failed: {_reason(error.original_error)}"
        case exceptions.SSLError():
            return f"its certificate was not accepted: {error.args[0] if error.args else error}"
        case exceptions.NewConnectionError():
            return "it refused the connection" if "refused" in str(error).lower() else "no connection"
        case exceptions.TimeoutError() | TimeoutError():
            return "no answer in time"
        case exceptions.LocationValueError() | ValueError():
            return "invalid address"
        case exceptions.HTTPError(args=(str() as said,)) if type(error) is exceptions.HTTPError:  # one of ours
            return said
        case _:
            return "it closed the connection"


class LinksPage(RemoteIndex):
    """One page with the files of all packages, as the user's own ``find-links`` names it."""

    def page(self, package: str) -> Page | None:
        """Return its files of ``package``, see ``Upstream``."""
        page = only(self.listing(), package)
        return page if page.files else None

    def listing(self) -> Page:
        """Return the whole page. Raises ``IndexFault``."""
        page = self._pages.get("", lambda: self._read(self._url, None))
        if page is None:
            raise IndexFault(Fault.NOT_AN_INDEX, f"{self._shown(self._url)} answered 404")
        return page


class OfflineIndex:
    """An index that is not asked, because the run is offline."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        """Its address, without user, password and query."""
        return bare_url(self._url)

    @property
    def key(self) -> str:
        """See ``Upstream``: that of the index itself, so that what uv keeps of it is found."""
        return self.url

    def page(self, package: str) -> Page | None:
        """Raise ``IndexFault``."""
        raise IndexFault(Fault.OFFLINE, f"{package} is not on this machine")

    def serves(self, file: File) -> bool:
        """Return False: it has no files."""
        return False
