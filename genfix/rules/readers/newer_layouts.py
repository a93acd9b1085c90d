"""GF713: what transformers 5 says in one place of config.json and transformers 4 reads in another.

Who is right: merged about the value; the base about who can read it. The old place is added, the new one
stays.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.config_object import class_defaults
from genfix.folder.kinds import CONFIG
from genfix.message import message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import READERS
from genfix.rules.core.rule import Rule, rule

_TIED: Final = "tie_word_embeddings"


@rule(
    "GF713",
    "tied-head-for-new-readers-only",
    Severity.WARNING,
    question=READERS,
    needs_base=True,
    shows="transformers 4 writes noise, and nothing fails",
)
def _tied_at_the_top_only(context: Context, rule: Rule) -> Iterator[Finding]:
    """`tie_word_embeddings` stands at the top of a composite `config.json` only, and the weights have no
    head of their own.

    Why: transformers 4 asks the language model's own part (`text_config`), takes the class default where the
    key is missing, and makes up a random head: the model writes noise, and nothing fails. transformers 5
    moves the fields of the language model there and leaves this one behind.

    Fix: The same value in the language model's part, beside the one at the top.

    Safety: Safe: the base is tied where older readers look, the weights have no head, and transformers 5
    reads the same as before. Silent where the class of that part ties them by default (Gemma 3).

    Sources:
    - transformers 4.57.6: modeling_utils.py, `get_text_config(decoder=True)` (run)
    - transformers 5.23.0 (run)
    """
    base, merged = context.base, context.merged
    if base is None or merged.text_key is None or merged.config.get(_TIED) is not True:
        return
    if _TIED in merged.text_config or merged.weights.facts.head is not None:
        return
    if base.config_value(_TIED) is not True or (base.text_key is not None and _TIED not in base.text_config):
        return  # the base is written so too, and older readers do no better with it
    if _tied_by_default(merged):
        return
    pointer = f"/{merged.text_key}/{_TIED}"
    yield rule.finding(
        CONFIG,
        message(
            "tied-for-new-readers-only",
            "is missing in {part}, where transformers 4 looks: it makes up a random output head",
            part=merged.text_key,
        ),
        witness=Witness.BASE,
        pointer=pointer,
        expected=True,
        fix=Fix.safe(
            message(
                "why-tied-in-both",
                "the top says so, the weights have no head, and {part} is where the base's readers look",
                part=merged.text_key,
            ),
            SetField(CONFIG, pointer, value=True),
        ),
    )


def _tied_by_default(merged: Model) -> bool:
    """Whether the class of the language model's part ties them by itself in transformers 4."""
    classes = class_defaults(4)
    kind = merged.text_config.get("model_type") or classes.get(merged.model_type, {}).get("text")
    return isinstance(kind, str) and classes.get(kind, {}).get(_TIED) is True


RULES: Final = (_tied_at_the_top_only,)
