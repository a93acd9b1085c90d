"""GF311: how text is cut before the vocabulary sees it.

Who is right: the adapter's tokenizer, then the base's, whose rows the embedding has. Other spellings of the
same behaviour are no difference.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from genfix.folder.kinds import FAST_TOKENIZER
from genfix.json_types import JsonObject, JsonValue
from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, RestoreFile, Severity, Witness
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.restoring import rows_differ
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.token_ids import lacking, tokens_added

_PARTS: Final = ("normalizer", "pre_tokenizer")

_DEFAULTS: Final[Mapping[str, JsonObject]] = {
    "ByteLevel": {"add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "Metaspace": {"replacement": "\u2581", "prepend_scheme": "always", "split": True},
    "Split": {"invert": False},
    "Digits": {"individual_digits": False},
    "Punctuation": {"behavior": "Isolated"},
}
"""What the tokenizers library takes for a key that is absent; newer versions write it out."""


@rule(
    "GF311",
    "pre-tokenizer-changed",
    Severity.WARNING,
    question=TOKENS,
    needs_base=True,
    shows="prompts are cut into other tokens than in training",
)
def _pre_tokenizer_changed(context: Context, rule: Rule) -> Iterator[Finding]:
    """`normalizer` or `pre_tokenizer` of `tokenizer.json` is not the base's, although the embedding has the
    base's rows.

    Why: Text is cut into other tokens than the base was trained on. llama.cpp's converter says `BPE
    pre-tokenizer was not recognized`. Values that only newer versions of the tokenizers library write out are
    no change.

    Fix: The base's `tokenizer.json`.

    Safety: Unsafe: training may have used the new one. Manual where tokens were added or moved here. Silent
    where the adapter's tokenizer has the same.

    Sources:
    - ggml-org/llama.cpp#9927
    - ggml-org/llama.cpp#8649
    - unslothai/unsloth#2984
    """
    base, merged = context.base, context.merged
    if base is None:
        return
    ours, theirs = merged.tokenizer_head, base.tokenizer_head
    if not ours or not theirs or rows_differ(merged.vocab_rows, base.vocab_rows) is not None:
        return
    trained = context.adapter.tokenizer_head if context.adapter is not None else {}
    changed = [
        part
        for part in _PARTS
        if part in theirs
        and (own := canonical(ours.get(part))) != canonical(theirs[part])
        and not (trained and own == canonical(trained.get(part)))
    ]
    if not changed:
        return
    added = lacking(base.tokenizer, merged.tokenizer)
    yield rule.finding(
        FAST_TOKENIZER,
        message(
            "pre-tokenizer-changed",
            "{parts} differ from the base's: text is cut into other tokens",
            parts=[*changed],
        ),
        witness=Witness.BASE,
        evidence=[
            message(
                "evidence-cutter",
                "{part} here: {merged}; in the base: {base}",
                part=part,
                base=_kinds(theirs.get(part)),
                merged=_kinds(ours.get(part)),
            )
            for part in changed
        ],
        fix=Fix.manual(tokens_added(added))
        if added
        else Fix.unsafe(
            message(
                "why-cutter-of-base",
                "all tokens are the base's; training may have used this one all the same",
            ),
            RestoreFile(FAST_TOKENIZER),
        ),
    )


def canonical(value: JsonValue) -> JsonValue:
    """``value`` with defaults written out and old spellings renewed, so that equal behaviour
    compares equal.
    """
    if not isinstance(value, dict):
        return value
    kind = value.get("type")
    if kind == "Sequence":
        parts = _parts(value)
        return parts[0] if len(parts) == 1 else {"type": kind, "parts": parts} if parts else None
    if not isinstance(kind, str):
        return value
    filled: JsonObject = {**_DEFAULTS.get(kind, {}), **value}
    filled = {key: entry for key, entry in filled.items() if entry is not None}
    filled.pop("trim_offsets", None)  # where a token began in the text, and not which it is
    if kind == "Metaspace":
        old = filled.pop("add_prefix_space", None)
        filled.pop("str_rep", None)
        if old is False and "prepend_scheme" not in value:
            filled["prepend_scheme"] = "never"
    return filled


def _parts(sequence: JsonObject) -> list[JsonValue]:
    """The steps of a sequence, those of sequences inside it in their place."""
    found: list[JsonValue] = []
    for key in ("normalizers", "pretokenizers"):
        entries = sequence.get(key)
        for entry in entries if isinstance(entries, list) else []:
            part = canonical(entry)
            if isinstance(part, dict) and part.get("type") == "Sequence":
                inner = part.get("parts")
                found += inner if isinstance(inner, list) else []
            elif part is not None:
                found.append(part)
    return found


def _kinds(value: JsonValue) -> list[JsonValue]:
    """The names of the steps."""
    part = canonical(value)
    steps = part.get("parts", [part]) if isinstance(part, dict) else []
    return [step.get("type") for step in (steps if isinstance(steps, list) else []) if isinstance(step, dict)]


RULES: Final = (_pre_tokenizer_changed,)
