"""GF305: the list of further special tokens.

Who is right: merged about what it lists besides; the base about its own entries, as long as merged has the
tokens and nothing else says that they are special.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.json_types import JsonValue
from genfix.message import message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, SetField, Severity, Witness, shown
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.token_ids import DECODER

_SPELLINGS: Final = ("additional_special_tokens", "extra_special_tokens")


@rule(
    "GF305",
    "special-token-list-shrunk",
    Severity.WARNING,
    question=TOKENS,
    needs_base=True,
    shows="markers show up in answers, or are split in prompts",
)
def _list_shrunk(context: Context, rule: Rule) -> Iterator[Finding]:
    """The list of further special tokens (`additional_special_tokens`, `extra_special_tokens`) lacks
    tokens of the base's list that the tokenizer still has, and nothing else makes them special.

    Why: Readers that take special tokens from the list show the others in the text, or split them where they
    stand in a prompt. LLaMA-Factory sets its template's stop words and drops the rest: GLM-4's 14 become 2.

    Fix: The base's list followed by this folder's own entries, under the name this folder uses.

    Safety: Unsafe: a shorter list may be meant. Tokens that are special under their own name (EOS, padding),
    or that `tokenizer.json` marks as special, are not missed: no id and no text changes without the list.

    Sources:
    - hiyouga/LLaMA-Factory#4408
    - LLaMA-Factory 0.9.5 exports of GLM-4 (merge corpus)
    - transformers 4.57.6: tokenization_utils_fast.py; 5.23.0: tokenization_utils_tokenizers.py
    """
    base, merged = context.base, context.merged
    if base is None or not base.tokenizer.additional or merged.json(TOKENIZER_CONFIG).value is None:
        return
    own, table = merged.tokenizer.additional, merged.tokenizer
    special = {*(own or ()), *table.named.values()}  # in the list, or under a name of its own
    lost = [text for text in base.tokenizer.additional if text in table.ids and text not in special]
    lost = [text for text in lost if not _special_without_list(merged, text)]
    if not lost:
        return
    wanted: list[JsonValue] = [*dict.fromkeys([*base.tokenizer.additional, *(own or ())])]
    places = _list_places(merged) or [(TOKENIZER_CONFIG, _base_spelling(base))]
    file, key = places[0]
    yield rule.finding(
        file,
        message(
            "special-list-shrunk",
            "the list of special tokens lacks {count} of the base's: {tokens}",
            tokens=shown(lost),
            count=len(lost),
        ),
        witness=Witness.BASE,
        pointer=f"/{_base_spelling(base)}",  # the same finding after the list was renamed
        current=merged.object(file).get(key),
        expected=wanted,
        fix=Fix.unsafe(
            message("why-special-list", "a shorter list may be meant; the tokens themselves are all here"),
            *(SetField(name, f"/{spelling}", wanted, base.keys(name)) for name, spelling in places),
        ),
    )


def _special_without_list(merged: Model, text: str) -> bool:
    """Whether ``tokenizer.json`` itself makes the token special: ids and decoding are then the same without
    any list (transformers 4.57 and 5.23, tokenization_utils_fast.py and tokenization_utils_tokenizers.py).

    A tokenizer with code of its own may be a slow one, which asks the list.
    """
    if not merged.tokenizer_head or "auto_map" in merged.tokenizer_config:
        return False
    decoder = merged.tokenizer_config.get(DECODER)
    token = merged.tokenizer.tokens[text]
    entry = decoder.get(str(token.id)) if isinstance(decoder, dict) else None
    unmade = isinstance(entry, dict) and entry.get("special") is False
    return token.special is True and not unmade


def _list_places(merged: Model) -> list[tuple[str, str]]:
    """Where merged has the list, the place that is read first in front."""
    return [
        (file, key)
        for file in (TOKENIZER_CONFIG, SPECIAL_TOKENS_MAP)
        for key in _SPELLINGS
        if isinstance(merged.object(file).get(key), list)
    ]


def _base_spelling(base: Model) -> str:
    spelled = isinstance(base.tokenizer_config.get(_SPELLINGS[1]), list)
    return _SPELLINGS[1] if spelled else _SPELLINGS[0]


RULES: Final = (_list_shrunk,)
