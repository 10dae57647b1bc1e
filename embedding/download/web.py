"""HTTP towards the site: who we say we are, what is worth another attempt, and how long to wait before it.

dumps.wikimedia.org allows three connections an address, and 503 is what a fourth gets (https://dumps.wikimedia.org: "we are capping the
number of per-ip connections to 3"; `limit_conn addr 3` in modules/dumps/templates/web/xmldumps/nginx.conf.erb of
https://github.com/wikimedia/operations-puppet; https://nginx.org/en/docs/http/ngx_http_limit_conn_module.html). It refuses programs
that do not name themselves (https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy); the form of the name
is that of https://www.mediawiki.org/wiki/Wikimedia_APIs/Access_policy.
"""

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from embedding import __version__
from embedding.errors import DownloadError, EnvironmentProblem

try:
    import urllib3
except ImportError:
    raise EnvironmentProblem("urllib3 is not installed; pip install 'bookspace[download]'") from None

FIRST_WAIT = 1.0  # seconds; doubled with every attempt in a row that brought nothing
LONGEST_WAIT = 60.0
LONGEST_ASKED_WAIT = 600.0  # a site that asks for more is not waited for
PAGE_TRIES = 4
_PASSING = {408, 429, 500, 502, 503, 504}
log = logging.getLogger("bookspace")


class PassingError(DownloadError):
    """What may be gone at the next attempt.

    Attributes:
        wait: seconds that the site asks to wait; None: it does not say.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class MissingError(DownloadError):
    """The site has no such page."""


class Stopped(Exception):
    """The download was given up while this thread was at work."""


class Web:
    """The connections to one site, for all threads.

    Attributes:
        stop: set when all threads shall give up.
    """

    def __init__(self, mirror: str, connections: int, contact: str | None = None) -> None:
        about = f"Wikipedia dumps to vectors of books; {contact or 'no contact given'}"
        self.stop = threading.Event()
        self._pool = _pool(mirror, connections)
        self._name = f"bookspace/{__version__} ({about}) urllib3/{version('urllib3')}"

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer to a GET, status 200, 206 or 416, whose body is read inside the block.

        Raises:
            PassingError: the site cannot be reached, breaks off, or is busy.
            MissingError: there is no such page.
            DownloadError: the site refuses.
        """
        try:
            answer = self._pool.request("GET", url, headers={"User-Agent": self._name, **(headers or {})}, preload_content=False)
            try:
                _judge(url, answer)
                yield answer
            finally:
                answer.close()
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise PassingError(f"{url}: {_reason(error)}") from None

    def text(self, url: str) -> str:
        """A page as text.

        Raises:
            MissingError: there is no such page.
            DownloadError: the site refuses or could not be reached in several attempts.
        """
        patience = Patience(self, PAGE_TRIES)
        while True:
            try:
                with self.get(url) as answer:
                    return answer.read().decode("utf-8", "replace")
            except PassingError as problem:
                patience.wait(problem)


class Patience:
    """Attempts in a row that brought nothing, and the waits between them."""

    def __init__(self, web: Web, tries: int) -> None:
        self._web = web
        self._tries = tries
        self._failed = 0

    def renew(self) -> None:
        """The last attempt brought something: count from the start."""
        self._failed = 0

    def wait(self, problem: PassingError) -> None:
        """Wait before the next attempt.

        Raises:
            DownloadError: there were enough attempts, or the site asks for too long a wait.
            Stopped: the download was given up.
        """
        self._failed += 1
        mend = "run the command again later, it goes on where it stopped; or set download.mirror to another copy"
        if problem.wait is not None and problem.wait > LONGEST_ASKED_WAIT:
            raise DownloadError(f"{problem}; {mend}") from None
        if self._failed >= self._tries:
            raise DownloadError(f"{problem}; given up after {self._failed} attempts; {mend}") from None
        seconds = max(min(FIRST_WAIT * 2 ** (self._failed - 1), LONGEST_WAIT), problem.wait or 0)
        log.warning("download: %s; trying again in %.0f s", problem, seconds)
        if self._web.stop.wait(seconds):
            raise Stopped


def _pool(mirror: str, connections: int) -> urllib3.PoolManager:
    retries = urllib3.Retry(5, connect=0, read=0, status=0, other=0, redirect=5, respect_retry_after_header=False)
    timeout = urllib3.Timeout(connect=20, read=60)
    site = urlsplit(mirror)
    proxy = getproxies().get(site.scheme)
    if not proxy or proxy_bypass(site.netloc):
        return urllib3.PoolManager(maxsize=connections, block=True, retries=retries, timeout=timeout)
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    login = urllib3.make_headers(proxy_basic_auth=unquote(urllib3.util.parse_url(proxy).auth or "") or None)
    return urllib3.ProxyManager(proxy, proxy_headers=login, maxsize=connections, block=True, retries=retries, timeout=timeout)


def _judge(url: str, answer: urllib3.BaseHTTPResponse) -> None:
    """Raise unless the answer is one that can be used."""
    status = answer.status
    if status in (200, 206, 416):
        return
    if status in _PASSING:
        asked = answer.headers.get("Retry-After")
        wait = _seconds(asked) if asked else None
        how_long = "" if wait is None else f", asks to wait {wait:.0f} s"
        raise PassingError(f"{url}: the site is busy or out of order (HTTP {status}){how_long}", wait)
    if status in (404, 410):
        raise MissingError(f"{url}: is not there (HTTP {status})")
    if status == 403:
        raise DownloadError(
            f"{url}: the site refuses (HTTP 403); it wants to know who asks: set download.contact to a mail address or page of yours"
        )
    raise DownloadError(f"{url}: the site answers HTTP {status}; set download.mirror to another copy")


def _seconds(asked: str) -> float | None:
    try:
        return urllib3.Retry().parse_retry_after(asked)
    except urllib3.exceptions.InvalidHeader:
        return None


def _reason(error: urllib3.exceptions.HTTPError) -> str:
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason:
        return f"cannot be reached: {_plain(error.reason)}"
    if isinstance(error, urllib3.exceptions.IncompleteRead):
        return "the connection broke off"
    return f"the connection broke: {_plain(error)}"


def _plain(error: Exception) -> str:
    """What an error says, without the names of the library's objects."""
    inner = error.args[-1] if error.args and isinstance(error.args[-1], Exception) else error
    return re.sub(r"^\w+\(.*?\): ", "", " ".join(str(inner).split())) or type(inner).__name__
