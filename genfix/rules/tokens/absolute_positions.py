"""GF313: a tokenizer without a limit before a model whose positions end.

Who is right: config.json, which says how many positions the weights have.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.config_classes import config_class
from genfix.folder.kinds import TOKENIZER_CONFIG
from genfix.json_types import Missing
from genfix.message import message
from genfix.model.purpose import generates
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Severity, Witness
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule

_KEY: Final = "model_max_length"
_NO_LIMIT: Final = 10**12
"""Tokenizers write 1e30 for no limit."""


@rule("GF313", "no-length-limit", Severity.INFO, question=TOKENS)
def _unlimited(context: Context, rule: Rule) -> Iterator[Finding]:
    """The tokenizer of an encoder with absolute positions has no `model_max_length`, or one without an end.

    Why: A longer text is not cut, and asks for a position that the weights do not have: an index error on the
    CPU, an assertion on the GPU.

    Fix: None: set the number of positions, of which some models keep two for padding (RoBERTa: 512 of 514).

    Safety: Manual. Only classifiers and embedding models of types that transformers gives absolute positions
    by default are judged; a file of sentence-transformers that has a limit of its own is enough.

    Sources:
    - transformers 5.24.0: models/bert/configuration_bert.py, tokenization_utils_base.py
    """
    merged, base = context.merged, context.base
    positions = merged.config.get("max_position_embeddings")
    if type(positions) is not int or generates(merged) is not False or not merged.tokenizer_config:
        return
    if (
        not _is_absolute(context)
        or type(merged.object("sentence_bert_config.json").get("max_seq_length")) is int
    ):
        return
    limit = merged.tokenizer_config.get(_KEY)
    if isinstance(limit, int | float) and limit < _NO_LIMIT:
        return
    shared = base is not None and base.tokenizer_config.get(_KEY) == limit
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "no-length-limit",
            "{key} sets no limit; the model has {positions} positions",
            key=_KEY,
            positions=positions,
        ),
        witness=Witness.FOLDER,
        pointer=f"/{_KEY}",
        current=merged.tokenizer_config.get(_KEY, Missing.MISSING),
        fix=BASE_HAS_IT_TOO
        if shared
        else Fix.manual(message("why-no-length-limit", "some models keep a few positions for padding")),
    )


def _is_absolute(context: Context) -> bool:
    key, config = "position_embedding_type", context.merged.config
    found = config_class(context.merged.model_type)
    stated = config.get(key)
    if stated is not None or found is None:
        return stated == "absolute"
    return any(default.value == "absolute" for default in found.defaults.get(key, ()))


RULES: Final = (_unlimited,)
