"""GF213: what the folder has from an older revision of its base, which was changed since.

Who is right: the folder. It may have been trained with what it has; that the authors changed it is worth
knowing.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import CONFIG
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.base_change import BaseChange, Changed
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, Harm, Operation, RemoveField, Severity, Witness
from genfix.rules.core.questions import TEMPLATE
from genfix.rules.core.rule import Rule, rule
from genfix.rules.stops.stop_set import union, write_stop_ids
from genfix.rules.template.template_text import put_in_place

_WINDOW: Final = "sliding_window"


@rule("GF213", "base-changed-since", Severity.INFO, question=TEMPLATE, harm=Harm.WORSE, needs_base=True)
def _changed_since(context: Context, rule: Rule) -> Iterator[Finding]:
    """The folder has the chat template, the stop tokens or the sliding window of an older revision of its
    base, and the base's authors have changed them since.

    Why: Chat templates, stop tokens and sliding windows of published models are often corrected after the
    release. A model made from an early download carries the fault on, and nothing in the folder shows it.

    Fix: What the base has now; of stop tokens, those that are missing.

    Safety: Unsafe: the model may have been trained with what it has. The base's past is asked for only where
    the base is a Hub repo named without a commit, the folder answers otherwise than it, and the Hub is there:
    one request for the list of commits and at most one for each of twelve earlier commits, once. Fewer stop
    tokens than the base's are what merges leave, whatever the base's past: see GF101.

    Sources:
    - huggingface_hub 2.4: hf_api.py `list_repo_commits`
    """
    base = context.base
    for change in base.changes if base is not None else ():
        operations = _operations(context, change.what)
        if base is None or not operations:
            continue
        yield rule.finding(
            operations[0].file,
            _said(change.what, base),
            witness=Witness.BASE,
            pointer=f"/{_WINDOW}" if change.what is Changed.WINDOW else None,
            evidence=[_commit(change)],
            fix=Fix.unsafe(
                message("why-base-changed-since", "the model may have been trained with what it has"),
                *operations,
            ),
        )


def _said(what: Changed, base: Model) -> Message:
    name = base.folder.origin.label
    match what:
        case Changed.TEMPLATE:
            return message(
                "template-of-older-base",
                "the chat template is that of an older revision of {base}, which has another one now",
                base=name,
            )
        case Changed.STOPS:
            return message(
                "stops-of-older-base",
                "the stop tokens are those of an older revision of {base}, which has others now",
                base=name,
            )
        case Changed.WINDOW:
            return message(
                "window-of-older-base",
                "the sliding window is that of an older revision of {base}, which has another one now",
                base=name,
            )


def _commit(change: BaseChange) -> Message:
    return message(
        "evidence-changed-in",
        "changed in commit {commit} of {date}: {title!r}",
        commit=change.commit[:7],
        date=change.date,
        title=change.title,
    )


def _operations(context: Context, what: Changed) -> tuple[Operation, ...]:
    """What makes the folder answer as the base does now; nothing where it does."""
    base, merged = context.base, context.merged
    if base is None:
        return ()
    match what:
        case Changed.TEMPLATE:
            own, theirs = merged.chat_template, base.chat_template
            if own is None or theirs is None or own.same_text(theirs):
                return ()
            return put_in_place(merged, merged.copies_of(own), theirs.text, base, Witness.BASE)
        case Changed.STOPS:
            now = context.views["transformers5"].stop_token_ids
            newer = context.base_views["transformers5"].stop_token_ids
            missing = [stop for stop in newer if stop not in now and context.same_token(stop)]
            return (write_stop_ids(context, union(missing, now)),) if missing else ()
        case Changed.WINDOW:
            if merged.config.get(_WINDOW) == base.config.get(_WINDOW):
                return ()
            edit = CopyField if _WINDOW in base.config else RemoveField
            return (edit(CONFIG, f"/{_WINDOW}"),)


RULES: Final = (_changed_since,)
