"""What went wrong while a commit was made on the Hub, in one true sentence: nothing is half written there."""

from collections.abc import Mapping
from typing import Final

from genfix.errors import ChangedError, GenfixError, InputError, PublishError, UncertainError
from genfix.message import Arg, Message, text
from genfix.resolver.hub.hub_commit import HubCommit
from genfix.resolver.hub.hub_errors import HubRequest, explain, outage
from genfix.resolver.hub.hub_session import HubStatusError
from genfix.web.failures import TooLargeError, is_passing

_LONGEST_WORD: Final = 300
"""What is shown of the Hub's own words."""
_LATER: Final = text("nothing was written; run the command again later")


def is_definite(error: Exception) -> bool:
    """Whether the Hub itself said no, so that nothing came of the request."""
    return isinstance(error, HubStatusError) and 300 <= error.status < 500 and error.status != 408


def reason(error: Exception) -> Message | str:
    """Why there is no answer, or none that can be understood."""
    return outage(error) or text("the connection failed: {why}", why=type(error).__name__)


def refusal(error: Exception, asked: HubRequest, commit: HubCommit) -> GenfixError:
    """The error for a request that wrote nothing."""
    if isinstance(error, GenfixError):
        return error
    if isinstance(error, HubStatusError):
        return _answered(error, asked, commit)
    if isinstance(error, TooLargeError):
        return PublishError("the Hub at {host} answers with more than genfix reads", _LATER, host=asked.host)
    why = outage(error)
    if why is None:
        return of_repo(explain(error, asked))
    return PublishError("the Hub at {host} could not be reached ({why})", _LATER, host=asked.host, why=why)


def of_repo(error: GenfixError) -> PublishError:
    """What is wrong with a repo that one reads, where one wants to write to it."""
    return PublishError(
        error.said, "nothing was written; check the name, and what the access token of this machine permits"
    )


def _answered(error: HubStatusError, asked: HubRequest, commit: HubCommit) -> GenfixError:
    """The error for a no, in the Hub's own words where it has some."""
    status = f"HTTP {error.status}: {error.said[:_LONGEST_WORD]}" if error.said else f"HTTP {error.status}"
    args: dict[str, Arg] = {"repo": commit.repo_id, "host": asked.host, "status": status}
    if error.status in {409, 412}:
        return ChangedError(
            "{branch} of {repo} has changed since the plan was made ({status})",
            "nothing was written; make the plan again",
            branch=commit.branch,
            **args,
        )
    if error.code == "RevisionNotFound":
        return InputError(
            "{repo} has no branch {branch}",
            "name one: hf://{repo}@main; a tag or a commit takes no commits",
            branch=commit.branch,
            **args,
        )
    if error.status == 403 and error.code != "GatedRepo":
        return _forbidden(commit, args)
    if error.status == 429:
        return PublishError(
            text("the Hub at {host} takes no more requests for {wait} s ({status})", wait=error.wait, **args)
            if error.wait
            else text("the Hub at {host} takes no more requests for now ({status})", **args),
            _LATER,
        )
    if is_passing(error.status):
        return PublishError("the Hub at {host} cannot answer now ({status})", _LATER, **args)
    if error.code or error.status == 401:
        return of_repo(explain(error, asked))
    return PublishError(
        "the Hub at {host} does not take this change of {repo} ({status})",
        "nothing was written; `genfix plan hf://{repo} -o plan.json` keeps the plan",
        **args,
    )


def _forbidden(commit: HubCommit, args: Mapping[str, Arg]) -> PublishError:
    if commit.is_push:
        return PublishError(
            "the access token of this machine may not write to {repo} ({status})",
            "open a pull request instead (--create-pr), or log in with one that may: `hf auth login`",
            **args,
        )
    return PublishError(
        "the access token of this machine may not open a pull request in {repo} ({status})",
        "log in with one that may (`hf auth login`): of the role `write`, or fine-grained with leave to open "
        "discussions and pull requests; and see whether the repo takes any",
        **args,
    )


def moved(commit: HubCommit, head: str) -> ChangedError:
    """The error for a branch that is at another commit than the one that the plan was made on."""
    return ChangedError(
        "{branch} of {repo} is at commit {head}, and the plan was made at {parent}",
        "nothing was written; make the plan again, or name the branch that it was made for: hf://{repo}@BRANCH",
        branch=commit.branch,
        repo=commit.repo_id,
        head=head[:12],
        parent=commit.parent[:12],
    )


def lost(error: Exception, asked: HubRequest, commit: HubCommit, url: str, *, known: bool) -> UncertainError:
    """The error for a commit whose answer did not come; ``known``: it was looked for, and is not there."""
    args: dict[str, Arg] = {"host": asked.host, "why": reason(error), "url": url, "repo": commit.repo_id}
    if known:
        return UncertainError(
            text("the Hub at {host} did not answer as it should ({why}), and has no such commit", **args)
            if commit.is_push
            else text(
                "the Hub at {host} did not answer as it should ({why}), and has no such pull request", **args
            ),
            text("look at {url} in a minute, then run the command again", **args),
        )
    return UncertainError(
        text(
            "the Hub at {host} did not answer as it should ({why}), and does not tell whether {repo} has "
            "the commit",
            **args,
        ),
        text("look at {url} before you run the command again", **args),
    )
