"""Large files on their way to the Hub: the batch API of Git LFS, with its basic and its multipart transfer.

The Hub keeps large files in Xet storage and takes them by this older protocol as well, which huggingface_hub
speaks where hf_xet is not installed (2.4, _commit_api.py, _upload_files; lfs.py). Its bytes go to addresses
that the Hub names, without the access token.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol, TypeVar
from urllib.parse import quote

from genfix.errors import PublishError
from genfix.json_types import JsonObject, JsonValue, decimal
from genfix.resolver.hub.hub_commit import json_object
from genfix.resolver.hub.hub_session import HubResponse, HubStatusError, Sent
from genfix.web.exchange import origin
from genfix.web.failures import ForeignAnswerError

_Result = TypeVar("_Result")
_MOST: Final = 1024 * 1024
_HEADERS: Final = {"Accept": "application/vnd.git-lfs+json", "Content-Type": "application/vnd.git-lfs+json"}
_PUBLIC: Final = "https://huggingface.co"


class Send(Protocol):
    """Sends a request that does no harm when it is sent twice, and reads its answer."""

    def __call__(self, sent: Sent, read: Callable[[HubResponse], _Result], *, is_own: bool = True) -> _Result:
        """``is_own``: whether it goes to the Hub, with the access token."""


class Storage(NamedTuple):
    """The large file storage of a repo."""

    endpoint: str
    repo_id: str
    branch: str | None
    """The branch that has them in the end; `None`: one of a pull request, which does not exist yet."""
    send: Send

    def upload(self, files: Mapping[str, bytes]) -> None:
        """Bring ``files`` there, as far as they are not. Nobody sees them before a commit names them.

        Raises `PublishError` where the storage refuses one, `ForeignAnswerError` for a wrong answer.
        """
        named = {hashlib.sha256(content).hexdigest(): name for name, content in files.items()}
        objects: list[JsonValue] = [{"oid": oid, "size": len(files[named[oid]])} for oid in named]
        form: dict[str, JsonValue] = {
            "operation": "upload",
            "transfers": ["basic", "multipart"],
            "objects": objects,
            "hash_algo": "sha256",
        }
        if self.branch is not None:
            form["ref"] = {"name": self.branch}
        url = f"{self.endpoint}/{quote(self.repo_id)}.git/info/lfs/objects/batch"
        answer = json_object(self.send(_post(url, form), _body))
        rows = answer.get("objects")
        seen: set[str] = set()
        for row in rows if isinstance(rows, list) else ():
            oid = row.get("oid") if isinstance(row, dict) else None
            if not isinstance(row, dict) or not isinstance(oid, str) or oid not in named or oid in seen:
                raise ForeignAnswerError
            seen.add(oid)
            if row.get("error") is not None:
                raise _not_taken(named[oid], "LFS")
            try:
                self._bring(files[named[oid]], oid, row)
            except HubStatusError as error:
                raise _not_taken(named[oid], str(error)) from error
        if seen != named.keys():
            raise ForeignAnswerError

    def _bring(self, content: bytes, oid: str, row: JsonObject) -> None:
        actions = row.get("actions")
        if actions is None:  # it has these bytes already
            return
        upload = actions.get("upload") if isinstance(actions, dict) else None
        if not isinstance(actions, dict) or not isinstance(upload, dict):
            raise ForeignAnswerError
        header = upload.get("header")
        if isinstance(header, dict) and header.get("chunk_size") is not None:
            self._in_parts(self._address(upload), content, oid, header)
        else:
            self.send(Sent(self._address(upload), {}, "PUT", content), _checked, is_own=False)
        verify = actions.get("verify")
        if verify is not None:
            address = self._address(verify if isinstance(verify, dict) else {})
            is_own = origin(address) == origin(self.endpoint)
            self.send(_post(address, {"oid": oid, "size": len(content)}), _checked, is_own=is_own)

    def _in_parts(self, address: str, content: bytes, oid: str, header: JsonObject) -> None:
        given = header.get("chunk_size")
        size = decimal(str(given)) if isinstance(given, int | str) else None
        numbered = {number: header[key] for key in header if (number := decimal(key)) is not None}
        if not size or [*sorted(numbered)] != [*range(1, -(-len(content) // size) + 1)]:
            raise ForeignAnswerError
        parts: list[JsonValue] = []
        for number in sorted(numbered):
            piece = content[(number - 1) * size : number * size]
            target = self._address({"href": numbered[number]})
            etag = self.send(Sent(target, {}, "PUT", piece), _etag, is_own=False)
            parts.append({"partNumber": number, "etag": etag})
        self.send(_post(address, {"oid": oid, "parts": parts}), _checked, is_own=False)

    def _address(self, action: JsonObject) -> str:
        """The address in an answer: on a mirror that of the mirror, and never a less safe one."""
        href = action.get("href")
        if not isinstance(href, str):
            raise ForeignAnswerError
        if self.endpoint != _PUBLIC and (href == _PUBLIC or href.startswith(f"{_PUBLIC}/")):
            href = self.endpoint + href.removeprefix(_PUBLIC)
        scheme = origin(href)[0]
        if scheme not in {"https", origin(self.endpoint)[0]} or scheme not in {"http", "https"}:
            raise ForeignAnswerError
        return href


def _not_taken(name: str, why: str) -> PublishError:
    return PublishError(
        "the large file storage of the Hub does not take {name} ({why})",
        "nothing was written; run the command again later, or bring that file there with `hf upload`",
        name=name,
        why=why,
    )


def _post(url: str, form: JsonValue) -> Sent:
    return Sent(url, _HEADERS, "POST", json.dumps(form).encode())


def _body(answer: HubResponse) -> bytes:
    answer.check()
    return answer.whole(_MOST)


def _checked(answer: HubResponse) -> None:
    answer.check()


def _etag(answer: HubResponse) -> str:
    answer.check()
    if not answer.etag:
        raise ForeignAnswerError
    return answer.etag
