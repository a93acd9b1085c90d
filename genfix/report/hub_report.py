"""Commits on the Hub, for people at a terminal and for machines."""

from collections.abc import Iterator

from genfix.api.publishing import Published
from genfix.applier import HubLog, HubReceipt
from genfix.json_types import JsonValue
from genfix.message import Message, text
from genfix.planner.plan import Plan
from genfix.report.json import SCHEMA_VERSION
from genfix.report.json_changes import plan_json
from genfix.report.style import COLORS, Style
from genfix.resolver.hub.hub_commit import HubCommit
from genfix.show import show

_INDENT = "    "


def commit_text(commit: HubCommit, style: Style) -> str:
    """A commit as it would be sent."""
    args = {"branch": commit.branch, "repo": commit.repo_id, "commit": commit.parent[:12]}
    head = (
        text("a commit to {branch} of {repo}, on {commit}:", **args)
        if commit.is_push
        else text("a pull request to {branch} of {repo}, on {commit}:", **args)
    )
    lines = [style.mark(style.words(head), "bold"), f"{_INDENT}{show(commit.title)}"]
    lines += [f"{_INDENT}{line}" for line in _files(commit, style)]
    lines += ["", *(f"{_INDENT}{show(line)}".rstrip() for line in commit.description.splitlines())]
    return "\n".join(lines)


def _files(commit: HubCommit, style: Style) -> Iterator[str]:
    for name, content in commit.changes:
        sign = "-" if content is None else "+"
        size = "" if content is None else style.text(" ({size} bytes)", size=f"{len(content):,}")
        yield f"{style.mark(sign, COLORS[sign])} {show(name)}{size}"


def published_json(plan: Plan, done: Published | None) -> JsonValue:
    """A plan and the commit that it became."""
    document = plan_json(plan)
    assert isinstance(document, dict)  # noqa: S101 - for the type
    receipt = done.receipt if done is not None else None
    return {
        **document,
        "transaction": receipt.id if receipt is not None else None,
        "hub": None if done is None else _commit_json(done),
    }


def _commit_json(done: Published) -> JsonValue:
    commit, receipt = done.commit, done.receipt
    return {
        "repo": commit.repo_id,
        "branch": commit.branch,
        "parent": commit.parent,
        "push": commit.is_push,
        "title": commit.title,
        "description": commit.description,
        "commit": receipt.commit if receipt is not None else None,
        "pull_request": receipt.pull_request if receipt is not None else None,
        "url": done.url,
        "was_there": done.was_there,
    }


def hub_log_json(log: HubLog) -> JsonValue:
    """The commits on a repo, as ``log.schema.json`` has the transactions on a folder."""
    return {
        "schema_version": SCHEMA_VERSION,
        "transactions": [
            {
                "id": one.id,
                "kind": one.kind,
                "when": one.when,
                "note": dict(one.note),
                "hub": {
                    "repo": one.repo,
                    "branch": one.branch,
                    "parent": one.parent,
                    "commit": one.commit,
                    "pull_request": one.pull_request,
                    "title": one.title,
                },
                "undoes": one.undoes,
                "undone_by": log.undone_by(one),
                "made_here": True,
                "changes": [
                    {"file": change.name, "before_sha256": change.before, "after_sha256": change.after}
                    for change in one.changes
                ],
                "files": [],
            }
            for one in log.receipts
        ],
    }


def hub_log_text(log: HubLog, style: Style) -> str:
    """The commits on a repo, oldest first."""
    lines: list[str] = []
    for one in log.receipts:
        state = style.mark(style.text(" (undone)"), "dim") if log.undone_by(one) else ""
        head = f"{style.mark(show(one.id), 'bold')} {show(one.when)}"
        lines.append(f"{head} {style.words(_where(one))}{state}")
        lines.append(f"{_INDENT}{show(one.title)}")
        for change in one.changes:
            sign = "+" if change.before is None else "-" if change.after is None else "~"
            lines.append(f"{_INDENT}{sign} {show(change.name)}")
    return "\n".join(lines)


def _where(one: HubReceipt) -> Message:
    if one.commit is None:
        return text("to {branch}: the Hub's answer was lost", branch=one.branch)
    if one.pull_request is None:
        return text("commit {commit} to {branch}", commit=one.commit[:12], branch=one.branch)
    return text("pull request {number} to {branch}", number=one.pull_request, branch=one.branch)
