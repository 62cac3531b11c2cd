"""The Hub's own client with patience, and its errors mapped once."""

from __future__ import annotations

import datetime as dt
import email.utils
import importlib
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from vistazo.errors import HubError, Unsupported, UsageError
from vistazo.records import printable

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

T = TypeVar("T")

ATTEMPTS = 5
_LONGEST_WAIT_S = 300.0  # when the Hub asks for more, the user decides
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
# The client speaks through `requests`, `httpx` or `httpx2`, by its version.
_NETWORK = frozenset({"requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2"})
_AGAIN = "run the same command again, what was sent is kept"


class Hub:
    """One dataset on the Hub, as a token's owner sees it.

    Attributes:
        api: the client; call it through `ask`.
    """

    def __init__(
        self, name: str, token: str | None, endpoint: str | None, on_wait: Callable[[str], None]
    ) -> None:
        _check_name(name)
        client = _client()
        self.name = name
        self._token = _usable(client.get_token() if token is None else token)
        self._on_wait = on_wait
        self._addition = client.CommitOperationAdd
        self.api = client.HfApi(endpoint=endpoint, token=self._token, library_name="vistazo")

    def addition(self, file: str, content: str | bytes) -> CommitOperationAdd:
        """A file of a commit, from a path or from bytes."""
        made: CommitOperationAdd = self._addition(path_in_repo=file, path_or_fileobj=content)
        return made

    def ask(self, call: Callable[[], T], *, attempts: int = ATTEMPTS) -> T:
        """Call the client; what passes by itself is tried again, as late as the Hub asks for.

        Raises:
            HubError: it failed for good, or `attempts` times.
        """
        for attempt in range(1, attempts + 1):
            try:
                return call()
            except Exception as error:
                wait_s = _wait_s(error, attempt)
                if wait_s is None or wait_s > _LONGEST_WAIT_S or attempt == attempts:
                    raise self._mapped(error) from error
                self._on_wait(f"{_reason(error)}; trying again in {wait_s:.0f} s")
                time.sleep(wait_s)
        raise AssertionError("a loop without an end")

    def ask_or_none(self, call: Callable[[], T]) -> T | None:
        """Like `ask`; None when the Hub knows nothing of what was asked for."""
        try:
            return self.ask(call)
        except HubError as error:
            if _status(error)[0] == 404:
                return None
            raise

    def _mapped(self, error: Exception) -> HubError:
        status, response = _status(error)
        endpoint, name = printable(self.api.endpoint), self.name
        said = self._said(error)
        if _named(error, "OfflineModeIsEnabled"):
            text = "the Hub cannot be reached in offline mode: unset HF_HUB_OFFLINE to publish"
        elif status == 401:
            text = (
                "the Hub does not accept the token: make one that may write at"
                f" {endpoint}/settings/tokens and give it in HF_TOKEN"
            )
        elif status == 403:
            text = (
                f"the token may not write to {name}: use one with write access, of"
                f" {name.partition('/')[0]} or of one of its members"
            )
        elif status == 404:
            text = (
                f"the Hub has no {name} for you: check the owner's name, and what the token may see"
            )
        elif status == 429:
            asked = _retry_after_s(response)
            text = "the Hub has had too many requests: " + (
                _AGAIN if asked is None else f"in {asked:.0f} s {_AGAIN}"
            )
        elif re.search("checksum|sha-?256|digest", said, re.IGNORECASE):
            text = f"the Hub got other bytes than were sent, by their checksum: {_AGAIN}"
        elif status >= 500:
            text = f"the Hub fails ({status}): later {_AGAIN}"
        elif status:
            text = f"the Hub refuses ({status}): {said or 'it does not say why'}"
        elif _is_network(error):
            text = f"the connection to {endpoint} fails: check the network, then {_AGAIN}"
        elif isinstance(error, (KeyError, TypeError)) or _named(error, "JSONDecodeError"):
            text = f"{endpoint} does not answer like the Hub: check HF_ENDPOINT"
        else:
            text = f"publishing failed ({said or type(error).__name__}): {_AGAIN}"
        return HubError(text)

    def _said(self, error: BaseException) -> str:
        """What the Hub says, or else the client; in one line, without the token."""
        for each in _chain(error):
            if text := getattr(each, "server_message", None):
                break
        else:
            while error.__cause__ is not None:
                error = error.__cause__
            text = str(error)
        return printable(" ".join(text.replace(self._token, "***").split()))[:300].rstrip(".")


@contextmanager
def hub(
    name: str,
    *,
    token: str | None = None,
    endpoint: str | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> Iterator[Hub]:
    """The Hub, for one dataset.

    Meanwhile the client's log is silent, and what it says of waiting goes to `on_wait`; its bars
    are drawn on a terminal only.

    Raises:
        Unsupported: the client is not installed.
        UsageError: the name is none of the Hub's.
        HubError: there is no usable token.
    """
    tell = on_wait or (lambda _: None)
    opened = Hub(name, token, endpoint, tell)
    bars = importlib.import_module("huggingface_hub.utils")
    hide = not (sys.stderr.isatty() or bars.are_progress_bars_disabled())
    if hide:
        bars.disable_progress_bars()
    log = logging.getLogger("huggingface_hub")
    handlers, propagate = log.handlers[:], log.propagate
    log.handlers[:], log.propagate = [_Waiting(tell)], False
    try:
        yield opened
    finally:
        log.handlers[:], log.propagate = handlers, propagate
        if hide:
            bars.enable_progress_bars()


class _Waiting(logging.Handler):
    """Passes on that the client waits before it tries again."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        if waits := re.search(r"(?:Retrying in|Waiting) ([\d.]+)s", record.getMessage()):
            self._tell(f"the upload stopped; trying again in {float(waits[1]):.0f} s")


def _client() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise Unsupported(
            'publishing needs the client of the Hub. Run: pip install "vistazo[hub]"'
        ) from error
    return huggingface_hub


def _check_name(name: str) -> None:
    part = r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?"
    if not re.fullmatch(f"{part}/{part}", name) or re.search(r"--|\.\.|\.git$|.{97}", name):
        raise UsageError(
            f"{printable(name)!r} is no name for a dataset: write owner/name, of letters, digits,"
            " '-', '_' and '.', at most 96 characters"
        )


def _usable(token: str | None) -> str:
    if not token:
        raise HubError(
            "there is no token for the Hub: give one that may write in HF_TOKEN, or run:"
            " hf auth login"
        )
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise HubError("the token has characters that no token has: copy it once more")
    return token


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> tuple[int, Any]:
    """The HTTP status behind an error and its response; 0 when the Hub has not answered."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        if isinstance(status := getattr(response, "status_code", None), int):
            return status, response
    return 0, None


def _named(error: BaseException, name: str) -> bool:
    return any(name in (kind.__name__ for kind in type(each).__mro__) for each in _chain(error))


def _is_network(error: BaseException) -> bool:
    return any(
        isinstance(each, (ConnectionError, TimeoutError))
        or type(each).__module__.partition(".")[0] in _NETWORK
        for each in _chain(error)
    )


def _wait_s(error: Exception, attempt: int) -> float | None:
    """How long to wait before the next attempt; None when none would help."""
    status, response = _status(error)
    if status in _PASSING:
        asked = _retry_after_s(response)
        return 2.0 ** (attempt - 1) if asked is None else asked
    if status or _named(error, "OfflineModeIsEnabled") or not _is_network(error):
        return None
    return 2.0 ** (attempt - 1)


def _retry_after_s(response: Any) -> float | None:
    """The seconds that the Hub asks to wait, by either of its headers."""
    if limit := re.search(
        r"\br\s*=\s*0\s*;\s*t\s*=\s*(\d+)", response.headers.get("RateLimit", "")
    ):
        return float(limit[1])
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        then = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (then - dt.datetime.now(dt.UTC)).total_seconds())


def _reason(error: Exception) -> str:
    status, _ = _status(error)
    if status == 429:
        return "the Hub has had too many requests"
    return f"the Hub fails ({status})" if status else "the connection to the Hub fails"
