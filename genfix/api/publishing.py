"""The verbs that change a repo on the Hub: `publish` makes a plan a pull request or a commit, `unpublish`
takes one back, `published` lists them. `genfix.api.changing` changes folders on this machine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from genfix import applier
from genfix.api.author import author
from genfix.api.plan_files import check_sources, id_of
from genfix.applier import HubLog, HubReceipt
from genfix.applier.records import Change
from genfix.errors import (
    ChangedError,
    GenfixError,
    InputError,
    PublishError,
    RefusedError,
    UncertainError,
    stale,
)
from genfix.folder import Folder, content_digest
from genfix.message import Message, text
from genfix.planner.loading import digest_in
from genfix.planner.plan import Plan
from genfix.planner.plan_markdown import code, description, escaped
from genfix.resolver import files_of, hub_spec
from genfix.resolver.case import ModelLocation
from genfix.resolver.hub.hub_client import hub_settings
from genfix.resolver.hub.hub_commit import HubChange, HubCommit
from genfix.resolver.hub.hub_listing import HubListing
from genfix.resolver.hub.hub_writer import HubWriter
from genfix.resolver.naming.spec import HubSpec
from genfix.version import __version__

_MOST_CODES = 6


@dataclass(frozen=True, slots=True)
class Published:
    """A commit on the Hub, made or, in a dry run, as it would be made."""

    commit: HubCommit
    """What is sent: its files are byte for byte the plan's."""
    receipt: HubReceipt | None
    """What was done; `None` in a dry run."""
    url: str
    """The page of the pull request or the commit; of the repo in a dry run."""
    was_there: bool = False
    """Whether an open pull request had exactly these files already, so that none was opened."""
    notes: tuple[Message, ...] = ()


def check_publishable(target: ModelLocation, *, offline: bool = False, dry_run: bool = False) -> None:
    """Raise what `publish` raises before it has a plan: no repo on the Hub, no network, no access token."""
    _writer(hub_spec(target), offline=offline, dry_run=dry_run)


def publish(
    plan: Plan,
    *,
    target: ModelLocation | None = None,
    push: bool = False,
    dry_run: bool = False,
    offline: bool = False,
    state_dir: Path | None = None,
) -> Published | None:
    """Open a pull request with what ``plan`` changes, or commit it with ``push``; `None` for an empty plan.

    ``target`` is ``hf://org/name[@branch]``; default: ``main`` of the repo that the plan was made for. One
    commit has all files or none of them, is made on the commit that was planned on, and is compared with the
    plan when it is there. The receipt is in ``state_dir``, or else below ``$XDG_STATE_HOME/genfix``.

    Raises `ChangedError` where the branch is at another commit than the plan, `PublishError` where the Hub
    does not take the commit; nothing is written then. `UncertainError` says that the Hub may have it.
    """
    spec = hub_spec(target if target is not None else plan.target)
    if not plan.changes:
        return None
    applier.check_names([change.name for change in plan.changes])
    check_sources(plan)
    writer = _writer(spec, offline=offline, dry_run=dry_run)
    head = writer.head()
    commit = HubCommit(
        head.repo_id,
        writer.branch,
        _planned_at(plan) or head.commit,
        _title(plan),
        description(plan, id_of(plan), __version__),
        tuple(HubChange(change.name, change.after) for change in plan.changes),
        push,
    )
    writer.check_parent(commit, head)
    if _planned_at(plan) is None:
        _check_inputs(plan, _at(head.repo_id, head.commit))
    changes = tuple(
        Change(change.name, content_digest(change.before), content_digest(change.after))
        for change in plan.changes
    )
    note = {"base": plan.base or "", "message": ", ".join(_codes(plan)), "who": author()}
    return _made(writer, commit, head, _Draft(changes, note), state_dir, dry_run=dry_run)


def unpublish(
    target: ModelLocation,
    transaction: str | None = None,
    *,
    push: bool = False,
    dry_run: bool = False,
    offline: bool = False,
    state_dir: Path | None = None,
) -> Published:
    """Put back the bytes that a merged pull request or a commit of genfix replaced, by a pull request.

    Without ``transaction`` it is the newest repair that is not taken back. The old bytes are those of the
    commit it was made on. With ``push`` they are committed to the branch itself.

    Raises `InputError` where this machine has no such receipt, `RefusedError` where the branch has none of
    its changes, `ChangedError` where one of its files was changed since.
    """
    spec = hub_spec(target)
    asked = _writer(spec, offline=offline, dry_run=dry_run)
    repo_id = asked.head().repo_id
    receipt = _chosen(
        applier.hub_log(applier.hub_place(repo_id, asked.endpoint, state_dir)), repo_id, spec, transaction
    )
    writer = HubWriter(HubSpec(repo_id, receipt.branch))
    head = writer.head()
    _check_there(receipt, _at(repo_id, head.commit), writer)
    old = _at(repo_id, receipt.parent)
    commit = HubCommit(
        repo_id,
        receipt.branch,
        head.commit,
        f"Take back: {receipt.title} ({receipt.id})"[:200],
        f"Puts back what {len(receipt.changes)} files were at commit {receipt.parent}, before the change "
        f'"{receipt.title}" that genfix made at {receipt.when}. Made by genfix {__version__}.',
        tuple(HubChange(change.name, _old(old, change)) for change in receipt.changes),
        push,
    )
    changes = tuple(Change(change.name, change.after, change.before) for change in receipt.changes)
    draft = _Draft(changes, {"who": author()}, receipt.id)
    return _made(writer, commit, head, draft, state_dir, dry_run=dry_run)


def published(target: ModelLocation, *, state_dir: Path | None = None) -> HubLog:
    """What genfix did to a repo from this machine, oldest first. Nothing is asked of the Hub."""
    spec = hub_spec(target)
    return applier.hub_log(applier.hub_place(spec.repo_id, hub_settings(spec).endpoint, state_dir))


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a receipt says beside the commit."""

    changes: tuple[Change, ...]
    note: dict[str, str]
    undoes: str | None = None


def _writer(spec: HubSpec, *, offline: bool, dry_run: bool) -> HubWriter:
    writer = HubWriter(spec, offline=offline)
    if not dry_run:
        writer.require_token()
    return writer


def _made(
    writer: HubWriter,
    commit: HubCommit,
    head: HubListing,
    draft: _Draft,
    state_dir: Path | None,
    *,
    dry_run: bool,
) -> Published:
    if dry_run:
        return Published(commit, None, writer.url(commit.repo_id))
    place = applier.hub_place(commit.repo_id, writer.endpoint, state_dir)
    earlier = applier.hub_log(place).receipts
    receipt = _receipt(place, earlier, commit, draft)
    modes = writer.prepare(commit)
    known = {one.pull_request for one in earlier if one.pull_request is not None}
    landed = None if commit.is_push else writer.existing(commit, head, modes, known=known)
    if landed is None:
        applier.keep_receipt(place, receipt)
        try:
            landed = writer.commit(commit, head, modes)
        except UncertainError:
            raise
        except GenfixError:
            applier.forget_receipt(place, receipt)
            raise
    made = landed.made
    done = replace(receipt, commit=made.commit, pull_request=made.pull_request)
    notes = landed.notes
    try:
        applier.keep_receipt(place, done)
    except GenfixError as error:  # the commit is there all the same, and so is the receipt's beginning
        notes = (*notes, text("the receipt could not be completed: {error}", error=error.said))
    url = writer.url(commit.repo_id, made.pull_request, made.commit)
    return Published(commit, done, url, landed.was_there, notes)


def _receipt(place: Path, earlier: Sequence[HubReceipt], commit: HubCommit, draft: _Draft) -> HubReceipt:
    """The receipt of the commit; the one that was begun before, where its answer was lost."""
    for one in earlier:
        if (one.title, one.parent, one.branch, one.changes) == (
            commit.title, commit.parent, commit.branch, draft.changes,
        ) and one.is_push is commit.is_push:  # fmt: skip
            return one
    return HubReceipt(
        applier.next_hub_id(place),
        "repair" if draft.undoes is None else "undo",
        datetime.now(UTC).isoformat(timespec="seconds"),
        commit.repo_id,
        commit.branch,
        commit.parent,
        commit.title,
        draft.changes,
        draft.note,
        draft.undoes,
        commit.is_push,
    )


def _chosen(log: HubLog, repo_id: str, spec: HubSpec, transaction: str | None) -> HubReceipt:
    for receipt in reversed(log.receipts):
        newest = receipt.kind == "repair" and spec.revision in {None, receipt.branch}
        if receipt.id == transaction if transaction else newest and log.undone_by(receipt) is None:
            return receipt
    if transaction is not None:
        raise InputError(
            "there is no transaction '{transaction}' of {repo}",
            "`genfix log hf://{repo}` lists what was done from this machine",
            transaction=transaction,
            repo=repo_id,
        )
    raise InputError(
        "there is no repair of {repo} to undo that was made from this machine",
        "`genfix log hf://{repo}` lists what was; another pull request is reverted on its own page",
        repo=repo_id,
    )


def _check_there(receipt: HubReceipt, folder: Folder, writer: HubWriter) -> None:
    """Raise where the branch does not have the files as the receipt's commit made them."""
    now = {change.name: digest_in(folder, change.name) for change in receipt.changes}
    if all(now[change.name] == change.before for change in receipt.changes):
        raise RefusedError(
            "{branch} of {repo} has none of the changes of {id}: there is nothing to take back",
            "a pull request that is not merged is closed on its page: {url}",
            branch=receipt.branch,
            repo=receipt.repo,
            id=receipt.id,
            url=writer.url(receipt.repo, receipt.pull_request),
        )
    for change in receipt.changes:
        if now[change.name] != change.after:
            raise ChangedError(
                "{name} of {repo} changed since the {kind} {id}",
                "nothing was written; undo what came after it first, or take the old file from {url}",
                name=change.name,
                repo=receipt.repo,
                kind=text("repair") if receipt.kind == "repair" else text("undo"),
                id=receipt.id,
                url=writer.url(receipt.repo, None, receipt.parent),
            )


def _old(folder: Folder, change: Change) -> bytes | None:
    if change.before is None:
        return None
    content = folder.read(change.name) if change.name in folder.names() else None
    if content_digest(content) != change.before:
        raise PublishError(
            "the history of the repo has {name} no more as it was ({origin})",
            "put that file back from elsewhere: nothing was written",
            name=change.name,
            origin=str(folder.origin),
        )
    return content


def _back(receipt: HubReceipt) -> str:
    """The text of a pull request that takes another one back."""
    files = [f"- {code(change.name)}" for change in receipt.changes]
    head = (
        f"Made by genfix {__version__}. Puts these files back as they were at commit {receipt.parent}, "
        f"before this change of {receipt.when}:"
    )
    return "\n".join([head, "", f"> {escaped(receipt.title)}", "", *files])


def _at(repo_id: str, commit: str) -> Folder:
    return files_of(f"hf://{repo_id}@{commit}")


def _planned_at(plan: Plan) -> str | None:
    """The commit that the plan was made at; `None` for one of a folder."""
    return hub_spec(plan.target).revision if plan.target.startswith("hf://") else None


def _check_inputs(plan: Plan, folder: Folder) -> None:
    for name, digest in plan.inputs.items():
        if digest_in(folder, name) != digest:
            raise stale(name)


def _codes(plan: Plan) -> Iterator[str]:
    return iter(dict.fromkeys(code for change in plan.changes for code in change.codes))


def _title(plan: Plan) -> str:
    """The first line of the commit: the same plan has the same one."""
    files, codes = len(plan.changes), [*_codes(plan)]
    named = ", ".join(codes[:_MOST_CODES]) + (", ..." if len(codes) > _MOST_CODES else "")
    what = f"Repair {files} config file{'' if files == 1 else 's'}: {named}"
    known = id_of(plan)[:12]
    return f"{what} (genfix {known})" if known else f"{what} (genfix)"
