"""Commits to a Hub repo: a pull request, or a commit to the branch itself, each one atomic request.

What comes before it (where does the Hub want the files, large ones brought there) nobody sees. The commit is
sent once: where its answer does not come, the Hub is asked whether it is there.
"""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote

from genfix.errors import (
    BaseModelError,
    GenfixError,
    InputError,
    InterruptedCommitError,
    PublishError,
    RefusedError,
    UncertainError,
)
from genfix.message import Message, text
from genfix.resolver.hub.hub_client import HubClient, hub_settings
from genfix.resolver.hub.hub_commit import (
    HubCommit,
    HubCommitted,
    Modes,
    commit_form,
    first_surplus,
    has_changes,
    json_object,
    parse_committed,
    parse_modes,
    parse_pull_requests,
    preupload_form,
)
from genfix.resolver.hub.hub_errors import HubRequest
from genfix.resolver.hub.hub_listing import HubListing
from genfix.resolver.hub.hub_session import HubResponse, HubStatusError, Sent
from genfix.resolver.hub.hub_uploads import Storage
from genfix.resolver.hub.hub_write_errors import is_definite, lost, moved, of_repo, refusal
from genfix.resolver.naming.spec import HubSpec, is_commit
from genfix.web.failures import OutageError, is_passing

_Result = TypeVar("_Result")
MAIN: Final = "main"
_JSON: Final = {"Content-Type": "application/json"}
_LINES: Final = {"Content-Type": "application/x-ndjson"}
_MOST: Final = 4 * 1024 * 1024
"""The most bytes an answer can have: a page of discussions has some ten thousand."""
_PAUSES: Final = (0.5, 2.0)
"""Seconds before a request is sent again; more where the Hub asks for more."""
_LONGEST_PAUSE: Final = 10
_COMMITTING: Final = 50.0
"""Seconds more than usual until the answer to a commit begins: the Hub writes it first."""


class Landed(NamedTuple):
    """What became of a commit."""

    made: HubCommitted
    was_there: bool = False
    """Whether an open pull request had it before."""
    notes: tuple[Message, ...] = ()


class HubWriter:
    """Writes to one repo."""

    def __init__(self, spec: HubSpec, *, offline: bool = False) -> None:
        settings = hub_settings(spec)
        if offline or settings.offline:
            raise InputError(
                "a commit on the Hub needs the network, and {stopped}",
                "leave out --offline, or keep the plan for later: `genfix plan -o plan.json`",
                stopped=text("genfix is offline") if offline else text("HF_HUB_OFFLINE is set"),
            )
        self.branch = MAIN if spec.revision is None or is_commit(spec.revision) else spec.revision
        self.endpoint = settings.endpoint
        self._client = HubClient(settings.endpoint, spec.repo_id)
        self._name: str | None = None
        self._asked = HubRequest(settings.endpoint, spec.repo_id, self.branch)

    def require_token(self) -> None:
        """Raise `InputError` where this machine has no access token: the Hub takes nothing from nobody."""
        if not self._client.has_token():
            raise InputError(
                "this machine has no access token, and the Hub takes changes from known users only",
                "log in with `hf auth login`, or set HF_TOKEN",
            )

    def head(self, revision: str | None = None) -> HubListing:
        """The newest commit of the branch, or of ``revision``, and its files."""
        try:
            return self._client.listing(replace(self._asked, revision=revision or self.branch))
        except OutageError as error:
            raise PublishError(
                "the Hub at {host} cannot say what {asked} is now ({why})",
                "nothing was written; run the command again later",
                host=self._asked.host,
                asked=self._asked.said,
                why=error.said,
            ) from error
        except BaseModelError as error:
            raise of_repo(error) from error

    def url(self, repo_id: str, pull_request: int | None = None, commit: str | None = None) -> str:
        """The page of the repo, of a pull request or a commit."""
        page = f"{self._asked.host}/{repo_id}"
        if pull_request is not None:
            return f"{page}/discussions/{pull_request}"
        return page if commit is None else f"{page}/commit/{commit}"

    def prepare(self, commit: HubCommit) -> Modes:
        """Ask where the Hub wants the files, and bring the large ones there. Nobody sees anything of it.

        Raises a `GenfixError` where it takes them not, or not from this user.
        """
        for name, content in (*commit.added, ("", f"{commit.title}\n{commit.description}".encode())):
            if self._client.has_secrets(content):
                raise RefusedError(
                    "{name} has the access token of this machine in it, and would be published with it",
                    "take it out of that file, and make a new token",
                    name=name or text("the description of the change"),
                )
        try:
            modes = Modes(frozenset(), ())
            if any(True for _ in commit.added):
                sent = Sent(
                    f"{self.endpoint}{commit.path('preupload')}", _JSON, "POST", preupload_form(commit)
                )
                modes = parse_modes(self._patiently(sent, _content), commit)
                _refuse_ignored(modes, commit)
            if modes.large:
                files = {name: content for name, content in commit.added if name in modes.large}
                branch = commit.branch if commit.is_push else None
                Storage(self.endpoint, commit.repo_id, branch, self._patiently).upload(files)
        except Exception as error:  # the boundary to huggingface_hub's session: explained, never swallowed
            raise self._hidden(refusal(error, self._asked, commit)) from error
        return modes

    def commit(self, commit: HubCommit, parent: HubListing, modes: Modes) -> Landed:
        """Make the commit, and look at what is there then.

        Raises `ChangedError` where the branch has moved, `PublishError` where the Hub does not take it; both
        wrote nothing. Where its answer does not come the error says what is known.
        """
        try:
            return self._committed(commit, parent, modes)
        except KeyboardInterrupt as error:
            raise InterruptedCommitError(
                "interrupted before the Hub had answered: it may have the commit",
                "look at {url} before you run the command again",
                url=self._look_at(commit),
            ) from error

    def _committed(self, commit: HubCommit, parent: HubListing, modes: Modes) -> Landed:
        body = commit_form(commit, modes.large)
        sent = Sent(f"{self.endpoint}{commit.path('commit')}", _LINES, "POST", body)
        try:
            made = parse_committed(self._sent_once(sent), commit)
        except Exception as error:
            if is_definite(error):
                raise self._hidden(refusal(error, self._asked, commit)) from error
            return self._found(error, commit, parent, modes)
        return Landed(made, notes=self._verified(made, commit, parent, modes))

    def existing(
        self,
        commit: HubCommit,
        parent: HubListing,
        modes: Modes,
        *,
        known: Collection[int] = (),
        is_lost: bool = False,
    ) -> Landed | None:
        """The open pull request of this user that has exactly this commit's files.

        One of somebody else's is none, whatever it has now: more may be pushed to it. ``known`` are the
        numbers of those that were opened from this machine. Where the Hub does not tell who the user is,
        one that ``is_lost`` may be any.
        """
        address = f"{self.endpoint}/api/models/{commit.repo_id}/discussions?p=0&type=pull_request&status=open"
        me = self._user()
        try:
            page = self._patiently(Sent(address, {}), _content)
            for number, author in parse_pull_requests(page, commit.title):
                if author != me and number not in known and not (is_lost and me is None):
                    continue
                there = self.head(f"refs/pr/{number}")
                if first_surplus(there.files, parent.files, commit, modes.large) is None:
                    return Landed(HubCommitted(there.commit, number), was_there=True)
        except HubStatusError as error:
            if error.status in {403, 404}:  # a repo without discussions says so when the commit comes
                return None
            raise self._hidden(refusal(error, self._asked, commit)) from error
        except Exception as error:
            raise self._hidden(refusal(error, self._asked, commit)) from error
        return None

    def _found(self, error: Exception, commit: HubCommit, parent: HubListing, modes: Modes) -> Landed:
        """The commit whose answer did not come, where the Hub has it. Raises `PublishError` otherwise."""
        url = self._look_at(commit)
        try:
            for pause in (0.0, *_PAUSES):
                time.sleep(pause)
                landed = (
                    self._pushed(commit)
                    if commit.is_push
                    else self.existing(commit, parent, modes, is_lost=True)
                )
                if landed is not None:
                    said = text("the Hub's answer was lost, and the commit is there")
                    return Landed(landed.made, notes=(said,))
        except GenfixError:
            raise lost(error, self._asked, commit, url, known=False) from error
        raise lost(error, self._asked, commit, url, known=True) from error

    def _user(self) -> str | None:
        """The name of the user, asked for once: the Hub lets nobody ask often."""
        if self._name is None:
            self._name = ""
            with suppress(Exception):  # of a mirror that does not say
                answer = self._client.send(Sent(f"{self.endpoint}/api/whoami-v2", {}), _content)
                name = json_object(answer).get("name")
                self._name = name if isinstance(name, str) else ""
        return self._name or None

    def _look_at(self, commit: HubCommit) -> str:
        """The page that tells whether a commit is there."""
        page = self.url(commit.repo_id)
        return f"{page}/commits/{quote(commit.branch)}" if commit.is_push else f"{page}/discussions"

    def _pushed(self, commit: HubCommit) -> Landed | None:
        there = self.head()
        is_there = there.commit != commit.parent and has_changes(there.files, commit.changes)
        return Landed(HubCommitted(there.commit)) if is_there else None

    def _verified(
        self, made: HubCommitted, commit: HubCommit, parent: HubListing, modes: Modes
    ) -> tuple[Message, ...]:
        """What to say where the new commit could not be compared with what was sent."""
        number = made.pull_request
        try:
            there = self.head(made.commit if number is None else f"refs/pr/{number}")
        except PublishError:
            return (
                text("the Hub took the commit, and could not be asked for it again to compare its files"),
            )
        wrong = first_surplus(there.files, parent.files, commit, modes.large)
        if there.commit != made.commit or wrong is not None:
            raise UncertainError(
                "the Hub has commit {commit}, and its files are not those that were sent ({name})",
                "look at {url}, and do not merge it",
                commit=made.commit[:12],
                name=wrong or there.commit[:12],
                url=self.url(commit.repo_id, number, made.commit),
            )
        return ()

    def check_parent(self, commit: HubCommit, head: HubListing) -> None:
        """Raise `ChangedError` where the branch is not at the commit that the plan was made on."""
        if head.commit != commit.parent:
            raise moved(commit, head.commit)

    def _sent_once(self, sent: Sent) -> bytes:
        """The answer to a commit: sent again only where the Hub says that it did not look at it."""
        for pause in _PAUSES:
            try:
                return self._client.send(sent, _content, seconds=_COMMITTING)
            except HubStatusError as error:
                if error.status != 429 or error.wait > _LONGEST_PAUSE:
                    raise
                time.sleep(max(pause, error.wait))
        return self._client.send(sent, _content, seconds=_COMMITTING)

    def _patiently(
        self, sent: Sent, read: Callable[[HubResponse], _Result], *, is_own: bool = True
    ) -> _Result:
        """The answer to a request that may be sent twice."""
        for pause in _PAUSES:
            try:
                return self._client.send(sent, read, is_own=is_own)
            except HubStatusError as error:
                if not is_passing(error.status) or error.wait > _LONGEST_PAUSE:
                    raise
                time.sleep(max(pause, error.wait))
        return self._client.send(sent, read, is_own=is_own)

    def _hidden(self, error: GenfixError) -> GenfixError:
        """The error without the access token in the Hub's own words."""
        error.said = self._client.without_secrets(error.said)
        return error


def _refuse_ignored(modes: Modes, commit: HubCommit) -> None:
    """Raise where the commit would not have all of its files."""
    if modes.ignored:
        raise RefusedError(
            "the .gitignore of {repo} keeps {names} out of every commit",
            "take the name out of it, or leave that fix out with --ignore",
            repo=commit.repo_id,
            names=[*modes.ignored],
        )


def _content(answer: HubResponse) -> bytes:
    answer.check()
    return answer.whole(_MOST)
