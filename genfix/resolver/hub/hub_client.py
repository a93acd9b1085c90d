"""The requests that are sent to the Hub, through huggingface_hub's own settings and session.

Its functions that list and download are not called: they read without a limit, and take for a file's name in
the cache what the server says in a header.

huggingface_hub is imported inside functions: the import costs 0.3 s, and a run with a local base needs none
of it. It reads ``HF_ENDPOINT``, ``HF_HOME`` and ``HF_HUB_OFFLINE`` when it is imported.
"""

import io
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

from genfix.errors import BaseModelError
from genfix.folder.folder import FileProblem, FileStat, FolderFileError
from genfix.folder.remote import OnFile, difference
from genfix.json_types import JsonValue
from genfix.message import text
from genfix.resolver.hub.hub_errors import HubRequest, explain, is_cut, outage
from genfix.resolver.hub.hub_listing import MOST_OF_A_LISTING, HubListing, parse_listing, too_long
from genfix.resolver.hub.hub_session import HubResponse, HubStatusError, Sent, hub_send
from genfix.resolver.naming.spec import LOCAL_COPY, HubSpec
from genfix.web.bodies import ByteRange
from genfix.web.failures import OutageError, TooLargeError, is_passing, retried
from genfix.web.secrets import Secrets
from genfix.web.strangers import strangers_ask

_TIMEOUT: Final = 10.0
_RETRY_AFTER: Final = (0.5, 2.0)
"""Seconds before a request that met 429 or 5xx is sent again: a Hub behind a load balancer often answers
then."""
_AT_ONCE: Final = 8

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class HubSettings:
    """huggingface_hub's settings, as it read them from the environment."""

    cache: Path
    endpoint: str
    offline: bool


def hub_settings(spec: HubSpec) -> HubSettings:
    """Read the environment.

    Raises `BaseModelError` where it names no Hub, or huggingface_hub cannot be imported.
    """
    _check_endpoint(os.environ.get("HF_ENDPOINT", ""))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from huggingface_hub import constants  # noqa: PLC0415 - 0.04 s
    except Exception as error:  # a broken installation, or an environment it cannot read
        raise explain(error, HubRequest("", spec.repo_id, spec.revision)) from error
    return HubSettings(Path(constants.HF_HUB_CACHE), constants.ENDPOINT, bool(constants.HF_HUB_OFFLINE))


def _check_endpoint(endpoint: str) -> None:
    """Raise `BaseModelError` for an address that huggingface_hub would fail on while it is imported."""
    try:
        url = urlsplit(endpoint)
        valid = not endpoint or (url.scheme in {"http", "https"} and url.hostname and url.port != 0)
    except ValueError:  # a port that is no number, an open bracket
        valid = False
    if not valid:
        raise BaseModelError(
            "HF_ENDPOINT is not a web address", "set it to https://huggingface.co or a mirror of it"
        )


class HubClient:
    """Asks for one repo, by the name the user gave."""

    def __init__(self, endpoint: str, repo_id: str) -> None:
        self._endpoint = endpoint
        self._repo_id = repo_id
        self._is_quiet = False

    def listing(self, asked: HubRequest) -> HubListing:
        """The commit and its files, from one request; sent again where the Hub is busy.

        Raises `OutageError` where there is no answer, `BaseModelError` where the answer is no.
        """
        url = f"{self._endpoint}/api/models/{asked.repo_id}"
        if asked.revision is not None:
            url += f"/revision/{quote(asked.revision, safe='')}"
        try:
            with self._quietly():
                content = _again_while_busy(lambda: _whole(f"{url}?blobs=true", MOST_OF_A_LISTING))
                return parse_listing(content, asked, _secrets())
        except TooLargeError as error:
            raise too_long(asked) from error
        except Exception as error:  # the one boundary to huggingface_hub: explained, never swallowed
            reason = outage(error)
            if reason is None:
                raise explain(error, asked) from error
            raise OutageError(reason) from error

    def api(self, path: str, most: int, asked: HubRequest) -> JsonValue:
        """What the Hub's API answers at ``path``, of at most ``most`` bytes; from one request.

        Raises `BaseModelError` where there is no answer.
        """
        return self.page(path, most, asked)[0]

    def page(self, path: str, most: int, asked: HubRequest) -> tuple[JsonValue, str]:
        """As `api`, of a list that has pages; and the query of the next page, empty where there is none."""

        def read(answer: HubResponse) -> tuple[JsonValue, str]:
            answer.check()
            return _secrets().value(json.loads(answer.whole(most))), answer.next_query

        try:
            return self._explained(
                lambda: _answer(f"{self._endpoint}/api/{path}", {"Accept-Encoding": "gzip"}, read), asked
            )
        except TooLargeError as error:
            raise too_long(asked) from error

    def content(self, name: str, revision: str, listed: FileStat) -> bytes:
        """A listed file, compared with what is listed.

        Raises `BaseModelError` where it is another one, or cannot be had.
        """
        asked = HubRequest(self._endpoint, self._repo_id, revision, name)

        def ask() -> bytes:
            from huggingface_hub import hf_hub_url  # noqa: PLC0415 - 0.3 s

            return _whole(hf_hub_url(self._repo_id, name, revision=revision), listed.size)

        try:
            content = self._explained(ask, asked)
        except TooLargeError:
            wrong = text("it has more than the {listed:,} bytes it should have", listed=listed.size)
        else:
            self._refuse_secrets(content, asked)
            if (different := difference(content, listed)) is None:
                return content
            wrong = different
        raise BaseModelError(
            "{asked} is not the file that was listed: {wrong}",
            "try again, or {local_copy}",
            asked=asked.said,
            wrong=wrong,
            local_copy=LOCAL_COPY,
        )

    def part(self, name: str, revision: str, start: int, length: int, size: int) -> bytes:
        """At most ``length`` bytes of a file from ``start``, of the ``size`` that it is listed with.

        Raises `FolderFileError` where the server gives whole files only, `GenfixError` where it gives
        nothing.
        """

        def ask() -> bytes:
            from huggingface_hub import hf_hub_url  # noqa: PLC0415 - 0.3 s

            url = hf_hub_url(self._repo_id, name, revision=revision)
            wanted = {"Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"}

            def read(answer: HubResponse) -> bytes:
                answer.check()
                # Leaving closes the line: of a whole file not a byte of the body is read.
                if answer.is_whole(size):
                    raise _no_parts(name, asked)
                return answer.part(ByteRange(start, min(start + length, size), size))

            return _answer(url, wanted, read)

        asked = HubRequest(self._endpoint, self._repo_id, revision, name)
        return self._explained(lambda: _again_while_busy(ask), asked)

    def refuse_secrets(self, name: str, revision: str, content: bytes) -> None:
        """Raise `BaseModelError` where ``content``, put together from parts, has the access token in it."""
        self._refuse_secrets(content, HubRequest(self._endpoint, self._repo_id, revision, name))

    def _refuse_secrets(self, content: bytes, asked: HubRequest) -> None:
        if self.secrets().are_in(content):
            raise BaseModelError(
                "{asked} has the access token of this machine in it",
                "do not use the Hub at {host}, and make a new token",
                asked=asked.said,
                host=asked.host,
            )

    def secrets(self) -> Secrets:
        """The access token of this machine, to find and to hide."""
        with self._quietly():
            return _secrets()

    def send(
        self, sent: Sent, read: Callable[[HubResponse], _Result], *, is_own: bool = True, seconds: float = 0.0
    ) -> _Result:
        """Send a request that writes, once, and ``read`` the answer, whose head may take ``seconds`` more.

        ``is_own``: whether it goes to the Hub itself, with the access token. Raises what huggingface_hub's
        session raises.
        """
        with self._quietly():
            return _sent(sent, _TIMEOUT + seconds, read, token=is_own)

    def together(
        self, work: Callable[[str], object], names: Sequence[str], progress: OnFile | None = None
    ) -> None:
        """Do ``work`` for all ``names``, several at once; the first error in the order of names is raised."""
        from concurrent.futures import ThreadPoolExecutor, as_completed  # noqa: PLC0415 - only on the Hub

        if not names:
            return
        with self._quietly(), ThreadPoolExecutor(_AT_ONCE) as pool:
            self._is_quiet = True  # what is silenced is the process's: threads must not turn it on and off
            try:
                # Each with a context of its own: what is bound for this call is bound for its threads.
                jobs = {pool.submit(copy_context().run, work, name): name for name in names}
                if progress is not None:
                    progress(0, len(names), "")
                for done, job in enumerate(as_completed(jobs), start=1):
                    if job.exception() is not None:
                        break  # the error is raised below: the others are not begun
                    if progress is not None:
                        progress(done, len(names), jobs[job])
            finally:
                pool.shutdown(cancel_futures=True)
                if progress is not None:
                    progress(len(names), len(names), "")
                self._is_quiet = False
        for job in jobs:
            if not job.cancelled():
                job.result()

    def _explained(self, ask: Callable[[], _Result], asked: HubRequest) -> _Result:
        """The answer, asked for once more where the line was cut."""
        for last in (False, True):
            try:
                with self._quietly():
                    return ask()
            except (FolderFileError, TooLargeError):
                raise
            except Exception as error:  # the one boundary to huggingface_hub: explained, never swallowed
                if last or not is_cut(error):
                    raise explain(error, asked) from error
        raise AssertionError("unreachable")

    def _quietly(self) -> AbstractContextManager[None]:
        return nullcontext() if self._is_quiet else _quiet()


def _again_while_busy(ask: Callable[[], _Result]) -> _Result:
    return retried(
        ask, lambda error: isinstance(error, HubStatusError) and is_passing(error.status), _RETRY_AFTER
    )


def _answer(url: str, wanted: Mapping[str, str], read: Callable[[HubResponse], _Result]) -> _Result:
    """What is read of the answer to a request for something."""
    return _sent(Sent(url, wanted), _TIMEOUT, read)


def _sent(
    sent: Sent, timeout: float, read: Callable[[HubResponse], _Result], *, token: bool | None = None
) -> _Result:
    """What is read of the answer to a request with huggingface_hub's own headers, and the access token of
    this machine: if ``token``, always; if not `False`, where there is one and the user has it sent unasked;
    for a stranger never.
    """
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined] # noqa: PLC0415 - lazy exports

    own = build_hf_headers(token=False if strangers_ask() else token)
    return hub_send(get_session(), sent._replace(headers={**own, **sent.headers}), timeout, read)


def _secrets() -> Secrets:
    from huggingface_hub import get_token  # noqa: PLC0415 - 0.3 s

    return Secrets.of(get_token())


def _whole(url: str, most: int) -> bytes:
    def read(answer: HubResponse) -> bytes:
        answer.check()
        return answer.whole(most)

    return _answer(url, {"Accept-Encoding": "gzip"}, read)


def _no_parts(name: str, asked: HubRequest) -> FolderFileError:
    return FolderFileError(
        name,
        FileProblem.UNREADABLE,
        "{host} gives {asked} only as a whole, and genfix downloads no weights",
        "set HF_ENDPOINT to a mirror that serves parts of files, or {local_copy}",
        host=asked.host,
        asked=asked.said,
        local_copy=LOCAL_COPY,
    )


# -- silence -------------------------------------------------------------------------------------


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep huggingface_hub from speaking to the user, and from telling the Hub more than it needs.

    Its log lines, warnings and progress bars go to stderr, where genfix says the same in its own words (bars
    that the user forces with ``HF_HUB_DISABLE_PROGRESS_BARS=0`` stay). Telemetry is off in genfix's own calls
    only, and the environment is left alone: with it, 1.x and 2.x first ask the Hub for a list of known agents
    (``/api/agent-harnesses``, up to 3 s on a dead line) and name the calling program to it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with redirect_stdout(io.StringIO()):  # a lazy import that fails is printed
            from huggingface_hub import constants, file_download  # noqa: F401, PLC0415
        from huggingface_hub.utils.tqdm import (  # noqa: PLC0415
            are_progress_bars_disabled,
            disable_progress_bars,
            enable_progress_bars,
        )

        logger = logging.getLogger("huggingface_hub")
        level, telemetry, no_bars = (
            logger.level,
            constants.HF_HUB_DISABLE_TELEMETRY,
            are_progress_bars_disabled(),
        )
        logger.setLevel(logging.CRITICAL + 1)
        constants.HF_HUB_DISABLE_TELEMETRY = True
        disable_progress_bars()
        try:
            yield
        finally:
            logger.setLevel(level)
            constants.HF_HUB_DISABLE_TELEMETRY = telemetry
            if not no_bars:
                enable_progress_bars()
