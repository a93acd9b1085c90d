"""GF306: which token starts a text, and which one fills up batches.

Who is right: merged, as training may have set them; the base only tells what they were. Whatever any file of
the base or the adapter has is no difference, and neither is an absent key that may mean the default of a
class.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.folder.kinds import CONFIG, GENERATION_CONFIG, TOKENIZER_CONFIG
from genfix.json_types import JsonValue, Missing
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.core.class_defaults import is_default, is_read
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Operation, RemoveField, SetField, Severity, Witness
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.pad_rows import config_pointers, pads_beyond_rows
from genfix.rules.tokens.token_ids import named_token

_BOS: Final = "bos_token"
_PAD: Final = "pad_token"


class _Place(NamedTuple):
    """One place whose BOS or padding is not the base's."""

    file: str
    pointer: str
    ours: JsonValue
    theirs: JsonValue
    operations: tuple[Operation, ...]


_NO_DEFAULTS: Final = frozenset(["PreTrainedTokenizer", "TokenizersBackend", "LlamaTokenizer"])
"""Tokenizer classes without a padding token of their own (transformers 4.57 and 5.23); of others genfix is
not sure."""


@rule("GF306", "bos-or-pad-changed", Severity.INFO, question=TOKENS, needs_base=True)
def _settings_changed(context: Context, rule: Rule) -> Iterator[Finding]:
    """The BOS or the padding token of the tokenizer or the configs is not the base's.

    Why: Another BOS starts every prompt with another token, where the template or the tokenizer writes one.
    Another padding token matters to padded batches only. transformers 4.56 and later turn `bos_token_id` of
    the configs to null in training where the tokenizer has no BOS (Qwen): servers do not miss it.

    Fix: The base's values, in all places that differ; a value the base has not is removed.

    Safety: Unsafe: training may have used it. Manual where padding was only added, which changes no answer.
    Silent where another file of the base, or the adapter, has the same token, where an absent key may mean
    the default of a class, and where padding is the turn end, which GF108 tells.

    Sources:
    - huggingface/transformers#48592
    - hiyouga/LLaMA-Factory#9189
    - huggingface/trl#7097
    """
    base = context.base
    if base is None:
        return
    for token in (_BOS, _PAD):
        if token == _PAD and (context.pads_with_turn_end or any(pads_beyond_rows(context.merged))):
            continue  # other rules say more
        named = _named_place(context, base, token)
        places = [*([named] if named else []), *_id_places(context, base, f"{token}_id")]
        if places:
            yield _setting_changed(rule, base, token, places)


def _setting_changed(rule: Rule, base: Model, token: str, places: list[_Place]) -> Finding:
    first = places[0]
    added = token == _PAD and base.tokenizer.named.get(token) is None and first.theirs is None
    return rule.finding(
        first.file,
        message("padding-added", "the padding token {token} was added; the base has none", token=first.ours)
        if added
        else setting_changed(first.pointer[1:], first.ours, first.theirs),
        witness=Witness.BASE,
        pointer=first.pointer,
        current=Missing.MISSING if first.ours is None else first.ours,
        expected=Missing.MISSING if first.theirs is None else first.theirs,
        evidence=[
            message(
                "evidence-setting",
                "{place} is {ours!r}; the base has {theirs!r}",
                place=f"{place.file} {place.pointer}",
                ours=place.ours,
                theirs=place.theirs,
            )
            for place in places[1:]
        ],
        fix=Fix.manual(
            message("why-padding-added", "nothing has to be done: trainers need one, and no answer changes")
        )
        if added
        else Fix.unsafe(PERHAPS_TRAINED, *(operation for place in places for operation in place.operations)),
    )


PERHAPS_TRAINED: Final = message("why-bos-or-pad", "files cannot tell whether training used it")


def setting_changed(key: str, ours: JsonValue, theirs: JsonValue) -> Message:
    """What is said of another value than the base's."""
    return message(
        "bos-or-pad-changed", "{key} is {ours!r}; the base has {theirs!r}", key=key, ours=ours, theirs=theirs
    )


def _named_place(context: Context, base: Model, token: str) -> _Place | None:
    merged, adapter = context.merged, context.adapter
    if merged.json(TOKENIZER_CONFIG).value is None or base.json(TOKENIZER_CONFIG).value is None:
        return None
    ours, theirs = merged.tokenizer.named.get(token), base.tokenizer.named.get(token)
    if ours == theirs or (adapter is not None and adapter.tokenizer.named.get(token) == ours):
        return None
    if (ours is None and not _tells_none(merged, token)) or (theirs is None and not _tells_none(base, token)):
        return None
    if theirs is not None and merged.tokenizer.ids.get(theirs) != base.tokenizer.ids.get(theirs):
        return None  # the tokens themselves were changed
    return _Place(TOKENIZER_CONFIG, f"/{token}", ours, theirs, named_token(merged, base, token))


def _tells_none(model: Model, token: str) -> bool:
    """Whether a tokenizer that names no such token surely has none: many classes bring one of their own."""
    config = model.tokenizer_config
    if "auto_map" in config:
        return False
    is_null = token in config and config[token] is None
    name = config.get("tokenizer_class")
    return is_null or (token == _PAD and isinstance(name, str) and name.removesuffix("Fast") in _NO_DEFAULTS)


def _id_places(context: Context, base: Model, key: str) -> list[_Place]:
    """Places of the configs whose id is not one that any file of the base has for it."""
    merged, known = context.merged, _known_ids(base, key)
    if not known or base.json(CONFIG).value is None:
        return []
    places: list[_Place] = []
    settings = merged.generation_config.value
    if settings is not None and settings.get("_from_model_config") is not True:
        ours, theirs = settings.get(key), base.object(GENERATION_CONFIG).get(key)
        if _differ(context, ours, theirs, known):
            places.append(_place(GENERATION_CONFIG, f"/{key}", ours, theirs, base))
    ours, theirs = merged.config_value(key), base.config_value(key)
    pointer = f"/{key}" if merged.config.get(key) is not None else config_pointers(merged, key)[-1]
    # An absent key may mean the class's own default, which may be the base's; two absent ones were taken
    # away.
    stated = ours is not None or bool(places) or _is_null(merged, key)
    if merged.json(CONFIG).value is not None and stated and _differ(context, ours, theirs, known):
        places.insert(0, _place(CONFIG, pointer, ours, theirs, base))
    return places


def _is_null(model: Model, key: str) -> bool:
    """Whether there is none: by a null, or by the class of the type where the key is absent."""
    if model.config_value(key) is not None:
        return False
    if any(key in part for part in (model.config, model.text_config)):
        return True
    pointer = config_pointers(model, key)[-1]
    return is_read(model, pointer) and is_default(model, pointer, None)


def _known_ids(model: Model, key: str) -> set[int]:
    values = [model.config_value(key), model.object(GENERATION_CONFIG).get(key)]
    token = model.tokenizer.named.get(key.removesuffix("_id"))
    values.append(model.tokenizer.ids.get(token) if token is not None else None)
    return {value for value in values if isinstance(value, int) and not isinstance(value, bool)}


def _differ(context: Context, ours: JsonValue, theirs: JsonValue, known: set[int]) -> bool:
    """Whether an id is another one than the base's, and surely means another token."""
    if (
        ours == theirs
        or not (ours is None or type(ours) is int)
        or not (theirs is None or type(theirs) is int)
    ):
        return False
    if isinstance(theirs, int) and not context.same_token(theirs):
        return False
    if not isinstance(ours, int):
        return True
    text, base = context.merged.tokenizer.text(ours), context.base
    moved = base is not None and text is not None and base.tokenizer.ids.get(text) in known
    if ours in known or moved or not context.same_token(ours):
        return False
    adapter = context.adapter
    return adapter is None or ours not in {
        *_known_ids(adapter, "bos_token_id"),
        *_known_ids(adapter, "pad_token_id"),
    }


def _place(file: str, pointer: str, ours: JsonValue, theirs: JsonValue, base: Model) -> _Place:
    operation: Operation = (
        SetField(file, pointer, theirs, base.keys(file)) if theirs is not None else RemoveField(file, pointer)
    )
    return _Place(file, pointer, ours, theirs, (operation,))


RULES: Final = (_settings_changed,)
