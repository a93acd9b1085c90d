"""What the folder's own files say of the set that ``generate()`` stops at: config.json, template, tokenizer.

Two of them against that set settle it, and any one does where the set says nothing. The template alone does
not: pretrained models are shipped with a sibling's.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.engines import read_eos
from genfix.folder.kinds import GENERATION_CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.rules.core.context import Context
from genfix.rules.stops.stop_set import union

_KEY: Final = "eos_token_id"
_NO_ENDS: Final = ("unk_token", "bos_token", "pad_token")


class OwnStops(NamedTuple):
    """The stop set of a folder, and what its own witnesses miss in it."""

    now: tuple[int, ...]
    """What ``generate()`` stops at."""
    ends: tuple[int, ...]
    """What ends a turn by the template."""
    listed: tuple[int, ...]
    """config.json's ids, where generation_config.json has some of them only, or none, or words of the
    vocabulary: engines do not ask config.json while the other file is there."""
    missing: tuple[int, ...]
    """The tokenizer's EOS and what ends a turn, where no file has a set, or one that ends nothing."""
    deaf: tuple[str, ...]
    """Engines that stop at no end of the template, and whose set is no question to the base."""
    agrees: bool
    """Whether the tokenizer's EOS is one of the template's ends."""
    is_stated: bool
    """Whether a file has the set: else it is what the config's class takes by itself."""
    is_of_base: bool = False
    """Whether the base has the same gap."""

    @property
    def has_nothing(self) -> bool:
        """Whether there is no set to speak of, and the tokenizer's EOS is not what ends a turn."""
        return bool(self.missing) and not self.agrees

    @property
    def hidden(self) -> tuple[int, ...]:
        """What is in config.json and not in the set."""
        return tuple(stop for stop in self.listed if stop not in self.now)


def own_stops(context: Context) -> OwnStops | None:
    """`None` where a file has to be put back first, or holds what is no id, and where no one model stops.

    Where the base has a set, and the folder its template, nothing is listed or missing but what the base's
    own files miss as well.
    """
    own = _read(context)
    if own is None or context.of_base is None or not (own.listed or own.missing):
        return own
    theirs = _read(context.of_base)
    if theirs is not None and (theirs.listed if own.listed else theirs.missing):
        return own._replace(is_of_base=True)
    if not context.base_views["transformers5"].stop_token_ids:
        return own
    return own._replace(listed=(), missing=own.missing if context.template_objection is not None else ())


def settles_ends(context: Context, own: OwnStops) -> bool:
    """Whether the template's ends are to be added: an engine stops at none, and not the template alone says
    that it should. Where config.json lists one, that is what is said.
    """
    if not own.deaf or not {*own.ends}.isdisjoint(own.hidden):
        return False
    return not context.template_equal or own.agrees or bool(context.chat_training)


def wanted_ids(context: Context, own: OwnStops) -> list[JsonValue]:
    """The set with all that is settled: one answer, whichever rule gives it.

    Where nothing is left of the set, the template is contradicted by nobody.
    """
    ends = own.ends if own.missing or settles_ends(context, own) else ()
    return union(own.listed, [*own.now, *ends, *own.missing, *_by_class(context)])


def _by_class(context: Context) -> Iterator[int]:
    """Tokens that vLLM stops at by default of the config's class, as long as there is no file."""
    merged = context.merged
    for stop in () if merged.generation_config.present else context.views["vllm"].stop_token_ids:
        if stop != context.eos_id and merged.tokenizer.text(stop) is not None:
            yield stop


def _read(context: Context) -> OwnStops | None:
    merged, file = context.merged, context.merged.generation_config
    listed = read_eos({_KEY: merged.config_value(_KEY)})
    stated = listed if file.value is None else read_eos(file.value)
    is_put_back = file.unreadable or context.lost_from_base(GENERATION_CONFIG)
    if is_put_back or stated.invalid or not merged.config:
        return None
    if not listed.ids and _names_stops(merged.config):
        return None  # Qwen2.5-Omni: several models in one, whose class knows where each stops
    is_stated = bool(listed.ids or stated.ids)
    ends, eos = _ends(context), context.eos_id
    now = tuple(
        stop
        for stop in context.views["transformers5"].stop_token_ids
        if is_stated or merged.tokenizer.text(stop) is not None  # a class knows no vocabulary
    )
    empty = frozenset(_empty_ids(context)) - {eos, *ends}
    ids = tuple(stop for stop in listed.ids if stop in now or context.same_token(stop))
    meant, said = {*now} - empty, {*ids} - empty
    # Words of the vocabulary, against config.json and the tokenizer, which agree.
    is_alone = eos in said and meant.isdisjoint({*said, *ends}) and not any(map(merged.tokenizer.text, meant))
    is_narrower = file.value is not None and not listed.invalid and (meant < said or is_alone)
    is_useless = not is_stated or not (meant or said)
    wanted = dict.fromkeys(stop for stop in (eos, *ends) if stop is not None and stop not in now)
    return OwnStops(
        now,
        ends,
        listed=ids if is_narrower else (),
        missing=tuple(filter(context.same_token, wanted)) if is_useless else (),
        deaf=tuple(_deaf(context, ends)),
        agrees=eos in ends,
        is_stated=is_stated,
    )


def _ends(context: Context) -> tuple[int, ...]:
    """What the template writes as ``eos_token`` counts too, unless the base has that template: then the base
    says which token it is.
    """
    ends = [*context.merged.end_ids.values()]
    if context.writes_eos and context.eos_id is not None:
        ends += [context.eos_id] if context.base is None or not context.template_equal else []
    return tuple(dict.fromkeys(ends))


def _empty_ids(context: Context) -> Iterator[int]:
    """The unknown, BOS and padding tokens: nothing ends with one that is not EOS as well."""
    merged, table = context.merged, context.merged.tokenizer
    settings = merged.generation_config.value or {}
    for key in _NO_ENDS:
        name = f"{key}_id"
        for value in (table.ids.get(table.named.get(key, "")), merged.config_value(name), settings.get(name)):
            if type(value) is int:
                yield value


def _names_stops(config: JsonObject) -> bool:
    """Whether any part of a composite config.json has stop ids, be it where no engine looks by itself."""
    return config.get(_KEY) is not None or any(
        _names_stops(part) for part in config.values() if isinstance(part, dict)
    )


def _deaf(context: Context, ends: tuple[int, ...]) -> Iterator[str]:
    asks_base = context.base is not None and context.template_objection is None
    for name, view in context.views.items() if ends else ():
        of_base = context.base_views[name].stop_token_ids if asks_base else ()
        if {*ends}.isdisjoint((*view.stop_token_ids, *of_base)):
            yield name
