"""Reasons that several rules give for a fix, or against one."""

from collections.abc import Iterable
from typing import Final

from genfix.message import Message, message
from genfix.model import Model, TurnEnds
from genfix.rules.core.finding import Fix, shown

FILE_LOST: Final = message("why-file-lost", "the file is missing here, so nothing is overwritten")
BROKEN_FILE: Final = message("why-broken-file", "no engine can read the file as it is")
TEMPLATE_LOST: Final = message(
    "why-template-lost", "the tokenizer has every token the base's template writes"
)
NOBODY_OLDER: Final = message(
    "why-older-alone", "no base says that readers with transformers 4 should load the folder"
)
OTHER_TEMPLATE: Final = message("why-template-other", "the folder has a chat template of its own")
OTHER_TEMPLATE_TRAINED: Final = message(
    "why-template-other-trained", "the adapter has a chat template that is not the base's"
)

BASE_HAS_THE_GAP: Final = message("why-base-has-the-gap", "the base has the same gap, and may be meant so")
BASE_HAS_IT_TOO: Final = Fix.manual(message("why-base-has-it-too", "the base has the same fault"))
NO_BASE_COPY: Final = Fix.manual(message("why-no-base-copy", "there is no base, or it has no such file"))
ASK_THE_AUTHOR: Final = Fix.manual(
    message("why-template-broken", "only its author can say what it should do")
)
PULL_FROM_LFS: Final = Fix.manual(
    message("why-lfs-pull", "run `git lfs pull` in the clone, or download the file")
)
WEIGHTS_LOST: Final = Fix.manual(
    message("why-weights-lost", "copy the weights again from where they were made, or repeat the merge")
)


def template_tokens_unknown(tokens: Iterable[str]) -> Message:
    """Against a template: tokens that it writes."""
    return message(
        "why-template-tokens-unknown",
        "the template writes {tokens}, which are not the same tokens here",
        tokens=shown(tokens),
    )


def unknown_to_template(merged: Model, base: Model) -> Message | None:
    """What the folder's tokens say against the base's chat template; `None` where nothing does."""
    if not merged.tokenizer.is_known:
        return None
    ours, theirs = merged.tokenizer.ids, base.tokenizer.ids
    added = sorted(token for token in ours if token not in theirs) if base.tokenizer.is_known else ()
    if added:
        return message(
            "why-template-tokens-added",
            "tokens were added ({tokens}), so another template may have been trained",
            tokens=shown(added),
        )
    unknown = unknown_literals(merged, base)
    return template_tokens_unknown(unknown) if unknown else None


def unknown_literals(merged: Model, base: Model) -> list[str]:
    """Tokens that the base's chat template writes, and that are not the same tokens in ``merged``."""
    ours, theirs, ends = merged.tokenizer.ids, base.tokenizer.ids, base.turn_ends
    literals = ends.literals if isinstance(ends, TurnEnds) else ()
    return [token for token in literals if ours.get(token) != theirs.get(token)]
