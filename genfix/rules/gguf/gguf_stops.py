"""Where a GGUF stops. The same codes and words as of a folder: GF101, GF102, GF104, GF106, GF107, GF110.

llama.cpp ends generation at the EOS, at two more tokens that the file can name (EOT, EOM), and at tokens that
it knows by their text. Who is right: as for a folder. Ids are added to places that are free.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from genfix.json_types import JsonValue, Missing
from genfix.message import Message, message
from genfix.model import TurnEnds
from genfix.model.gguf_model import id_key
from genfix.rules.core.finding import Finding, Fix, Operation, Severity, Witness
from genfix.rules.core.reasons import BASE_HAS_THE_GAP, OTHER_TEMPLATE
from genfix.rules.core.registry import RULES
from genfix.rules.gguf.gguf_context import STOP_KINDS, GgufContext
from genfix.rules.stops.stop_set import base_stops, engine_stops, never_stops, stops_narrowed, turn_end_missed
from genfix.rules.stops.tokenizer_eos import eos_changed, eos_objection, why_eos_of_base
from genfix.rules.stops.turn_end_tokens import send_as_stop, turn_end_split

_TUNED: Final = re.compile(r"instruct|chat|\bit\b|\bsft\b|\bdpo\b", re.IGNORECASE)
_FINETUNE: Final = "general.finetune"


def stop_findings(context: GgufContext) -> Iterator[Finding]:
    """Everything about where it stops."""
    yield from _invalid(context)
    eos = [*_other_eos(context)]
    yield from eos
    narrowed = [] if eos else [*_narrowed(context)]
    yield from narrowed
    if not narrowed and not (eos and eos[0].engines):
        yield from _deaf(context)
    yield from _no_token(context)


def _invalid(context: GgufContext) -> Iterator[Finding]:
    """Ids that are none: llama.cpp passes over them, or does not load the file."""
    model = context.file
    for kind in STOP_KINDS:
        if not _is_invalid(context, kind):
            continue
        value = model.header.value(id_key(kind))
        theirs = context.base_slots.get(kind)
        yield RULES["GF104"].finding(
            model.name,
            message(
                "gguf-stop-token-invalid",
                "{key} is {value!r}, which is no token of the {count} here",
                key=id_key(kind),
                value=value,
                count=len(model.token_texts),
            ),
            witness=Witness.TOKENIZER,
            pointer=f"/{id_key(kind)}",
            current=value,
            expected=Missing.MISSING if theirs is None else theirs,
            engines=tuple(context.views),
            fix=Fix.manual(_NOBODY_TELLS)
            if theirs is None
            else Fix.safe(_NO_TOKEN_ANYWAY, context.set(id_key(kind), theirs)),
        )


def _is_invalid(context: GgufContext, kind: str) -> bool:
    """Whether the file names something that is no token of it."""
    model = context.file
    is_named = model.header.value(id_key(kind)) is not None
    return is_named and model.special_id(kind) is None and bool(model.token_texts)


_NOBODY_TELLS: Final = message("why-gguf-no-witness", "name the base with --base: it says which token it is")
_NO_TOKEN_ANYWAY: Final = message("why-gguf-no-token", "what stands there is no token, so nothing is lost")


def _other_eos(context: GgufContext) -> Iterator[Finding]:
    """Another EOS than the other side's, or none, and no chat template of its own tells why."""
    model, theirs = context.file, context.base_slots.get("eos")
    ours = model.special_id("eos")
    if context.base is None or theirs is None or ours == theirs:
        return
    if _is_invalid(context, "eos"):
        return  # told for itself
    if ours is None:
        yield _eos(context, None, theirs, no_eos(), _NOTHING_IS_LOST)
        return
    if (not context.template_equal and not context.template_lost) or ours in model.end_ids.values():
        return
    own = model.token_texts[ours]
    said = eos_changed(context, own, model.token_texts[theirs])
    yield _eos(context, ours, theirs, said, why_eos_of_base(context), eos_objection(context, own))


_NOTHING_IS_LOST: Final = message("why-gguf-no-eos", "the file names none, so nothing is replaced")


def no_eos() -> Message:
    """What is said of a file without an EOS."""
    return message("gguf-no-eos", "names no EOS, so llama.cpp takes a fixed id, which may be any token")


def _eos(
    context: GgufContext,
    ours: int | None,
    theirs: int,
    said: Message,
    why: Message,
    objection: Message | None = None,
) -> Finding:
    engines = context.engines_that_lost_their_stop()
    severity = Severity.ERROR if engines else Severity.WARNING
    rule = RULES["GF110" if ours is None else "GF106"]
    return rule.finding(
        context.file.name,
        said,
        severity=Severity.INFO if objection else severity,
        witness=context.witness,
        pointer=f"/{id_key('eos')}",
        current=Missing.MISSING if ours is None else ours,
        expected=theirs,
        evidence=engine_stops(context),
        engines=engines,
        fix=Fix.safe_unless(objection, why, (context.set(id_key("eos"), theirs), *_others(context, "eos"))),
    )


def _others(context: GgufContext, but: str) -> Iterator[Operation]:
    """The other ends that the other side names, where this file names none."""
    for kind, token_id in context.base_slots.items():
        if kind != but and context.file.special_id(kind) is None and token_id not in context.stops:
            yield context.set(id_key(kind), token_id)


def _narrowed(context: GgufContext) -> Iterator[Finding]:
    """The other side names ends that are none here."""
    lost = {
        kind: token_id
        for kind, token_id in context.base_slots.items()
        if token_id not in context.stops and not _is_invalid(context, kind)
    }
    ends = {*context.file.end_ids.values()}
    if not lost or (ends and ends <= {*context.stops} and not context.template_equal):
        return  # it stops at all ends of its own template
    engines = context.engines_that_lost_their_stop()
    objection = context.template_objection
    placed = _placed(context, [*lost.values()], lost)
    harm = Severity.ERROR if engines else Severity.WARNING
    mild = Severity.INFO if context.end_ids or context.chat_objection is not None else Severity.WARNING
    first = next(iter(placed), "eot")
    yield RULES["GF101"].finding(
        context.file.name,
        stops_narrowed(_named(context, lost.values()), _named(context, context.stops)),
        severity=harm if objection is None else mild,
        witness=context.witness,
        pointer=f"/{id_key(first)}",
        current=Missing.MISSING,
        expected=placed.get(first, Missing.MISSING),
        evidence=engine_stops(context),
        engines=engines,
        fix=_placing(context, placed, base_stops(context), _said(objection)),
    )


def _said(objection: Message | None) -> Message | None:
    if objection != OTHER_TEMPLATE:
        return objection
    return message(
        "why-stop-other-template",
        "the chat template is not the base's: its stop tokens may not be trained here",
    )


def _deaf(context: GgufContext) -> Iterator[Finding]:
    """The chat template ends a turn with tokens, and llama.cpp ends at none of them."""
    ends = [*context.file.end_ids.values()]
    if not ends or not {*ends}.isdisjoint(context.stops):
        return
    is_of_base = context.base is not None and context.template_equal and not _is_tuned(context)
    is_sure = _is_tuned(context) or (context.base is not None and not context.template_equal)
    placed = _placed(context, ends, {})
    said = turn_end_missed(_named(context, ends), _named(context, context.stops))
    engines = tuple(context.views)
    objection = None if is_sure else BASE_HAS_THE_GAP if is_of_base else _ALONE
    first = next(iter(placed), "eot")
    yield RULES["GF102"].finding(
        context.file.name,
        never_stops(engines, said),
        severity=Severity.INFO if is_of_base else Severity.ERROR if is_sure else Severity.WARNING,
        witness=Witness.CHAT_TEMPLATE,
        pointer=f"/{id_key(first)}",
        current=Missing.MISSING,
        expected=placed.get(first, Missing.MISSING),
        evidence=_evidence(context),
        engines=engines,
        fix=_placing(context, placed, _OWN_TEMPLATE, objection),
    )


_ALONE: Final = message(
    "why-gguf-template-alone",
    "the template is the only witness: it may be that of the chat model beside a pretrained one",
)
_OWN_TEMPLATE: Final = message(
    "why-gguf-own-template", "the file's own template writes these tokens at a turn's end; ids are only added"
)


def _is_tuned(context: GgufContext) -> bool:
    """Whether the file says that it was tuned to chat (gguf-py, metadata.py: from the model's name)."""
    return _TUNED.search(str(context.file.header.value(_FINETUNE) or "")) is not None


def _evidence(context: GgufContext) -> Iterator[Message]:
    if _is_tuned(context):
        value = context.file.header.value(_FINETUNE)
        yield message("evidence-gguf-tuned", "{key} says {value}", key=_FINETUNE, value=value)
    yield from engine_stops(context)


def _placed(context: GgufContext, ids: Sequence[int], own: Mapping[str, int]) -> dict[str, int]:
    """Where each of ``ids`` can be named: where the other side names it, else where nothing stands."""
    free = [kind for kind in ("eot", "eom", "eos") if context.file.special_id(kind) is None]
    placed = {kind: token_id for kind, token_id in own.items() if kind in free and token_id in ids}
    rest = [token_id for token_id in ids if token_id not in placed.values()]
    return placed | dict(zip((kind for kind in free if kind not in placed), rest, strict=False))


def _placing(context: GgufContext, placed: Mapping[str, int], why: Message, objection: Message | None) -> Fix:
    if not placed:
        return Fix.manual(
            message("why-gguf-no-place", "the file names three other ends already: convert the folder again")
        )
    operations = tuple(context.set(id_key(kind), token_id) for kind, token_id in placed.items())
    return Fix.safe_unless(objection, why, operations)


def _no_token(context: GgufContext) -> Iterator[Finding]:
    """The chat template ends a turn with a text that is no token."""
    model, ends = context.file, context.file.turn_ends
    if not isinstance(ends, TurnEnds) or ends.tokens or ends.eos_variable or not model.token_texts:
        return
    texts = [text for text in ends.unknown_ends if not model.in_vocabulary(text)]
    template = model.chat_template
    if texts and template is not None:
        yield RULES["GF107"].finding(
            model.name,
            turn_end_split(texts),
            severity=Severity.ERROR if _is_tuned(context) or context.base is not None else Severity.INFO,
            witness=Witness.TOKENIZER,
            pointer=template.pointer,
            engines=tuple(context.views),
            fix=send_as_stop(texts[0]),
        )


def _named(context: GgufContext, ids: Iterable[int]) -> list[JsonValue]:
    return [f"{token_id} {context.file.token_texts[token_id]}" for token_id in ids]
