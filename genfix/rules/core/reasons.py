"""Reasons that several rules give for a fix, or against one."""

from collections.abc import Iterable
from typing import Final

from genfix.message import Message, message
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

BASE_HAS_IT_TOO: Final = Fix.manual(message("why-base-has-it-too", "the base has the same fault"))
NO_BASE_COPY: Final = Fix.manual(message("why-no-base-copy", "there is no base, or it has no such file"))
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
