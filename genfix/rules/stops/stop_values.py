"""GF104: what stands where stop token ids should, and is none.

Who is right: the tokenizer, of which token a text is; the base, where the texts name none; else the folder's
other file with stop tokens, and then the tokenizer's EOS.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines import EosValue, read_eos
from genfix.engines.shared.loaders import loaders
from genfix.folder.kinds import CONFIG, GENERATION_CONFIG
from genfix.json_types import JsonObject, JsonValue, Missing
from genfix.message import message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import STOPS
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule
from genfix.rules.stops.stop_set import set_stop_ids, union

_KEY: Final = "eos_token_id"


@rule(
    "GF104",
    "stop-tokens-invalid",
    Severity.ERROR,
    question=STOPS,
    shows="loading or generate() fails; a server starts and never answers",
)
def _invalid(context: Context, rule: Rule) -> Iterator[Finding]:
    """`eos_token_id` of `generation_config.json` or `config.json` holds something that is no token id: text,
    a fraction, in `generation_config.json` also a negative number.

    Why: In `generation_config.json`: transformers fails in `generate()` (`too many dimensions 'str'`); vLLM
    starts and then never answers: its engine takes whole numbers only (older versions accept the value and
    never match it). In `config.json`: transformers 5.4 and newer, and what loads with them, refuse the file;
    without a `generation_config.json` older ones fail as above.

    Fix: Text that is a token of this tokenizer becomes its id; the base's ids and the valid ones are kept;
    the rest goes. Where nothing is left, the ids are those of the folder's other file (`config.json` or
    `generation_config.json`), else the tokenizer's EOS.

    Safety: Safe: no engine can stop at the value as it is. Manual where no id can be told. A warning in
    `config.json` where no released class refuses it and engines read the other file; information where the
    base has the same.

    Sources:
    - transformers 5.23.0 and vLLM 0.32.0, run with such a file
    - transformers 5.24.0 and 4.57.6, run with such a `config.json`
    """
    settings = context.merged.generation_config.value
    own = read_eos(settings or {})
    if settings is not None and own.invalid:
        yield _finding(context, rule, GENERATION_CONFIG, settings, own, f"/{_KEY}")
    merged = context.merged
    pointer = merged.config_pointer(_KEY)
    part = merged.config if pointer == f"/{_KEY}" else merged.text_config
    entries = read_eos(part)
    wrong = tuple(entry for entry in entries.invalid if type(entry) is not int)
    if pointer is not None and wrong:
        yield _finding(context, rule, CONFIG, part, entries._replace(invalid=wrong), pointer)


def _finding(
    context: Context, rule: Rule, file: str, part: JsonObject, own: EosValue, pointer: str
) -> Finding:
    wanted = _valid_ids(context, file, own)
    is_text = any(isinstance(entry, str) for entry in own.invalid)
    is_asked = file == GENERATION_CONFIG or context.merged.generation_config.value is None
    shared = context.base is not None and bool(_stated(context.base, file).invalid)
    severity = Severity.ERROR if is_asked or _is_refused(part) else Severity.WARNING
    # llama.cpp's converter reads no list in config.json.
    is_one = file == CONFIG and len(wanted) == 1 and not isinstance(part[_KEY], list)
    operation = SetField(file, pointer, wanted[0]) if is_one else set_stop_ids(context, file, wanted, pointer)
    return rule.finding(
        file,
        message(
            "stop-tokens-invalid",
            "eos_token_id holds what is no token id: {entries!r}",
            entries=list(own.invalid),
        ),
        severity=Severity.INFO if shared else severity,
        witness=Witness.ENGINE,
        pointer=pointer,
        current=part.get(_KEY, Missing.MISSING),
        expected=(wanted[0] if is_one else wanted) if wanted else Missing.MISSING,
        evidence=[
            message("evidence-text-eos", "transformers fails in generate(); vLLM's server never answers")
        ]
        if is_text and is_asked
        else [],
        engines=tuple(context.views),
        fix=BASE_HAS_IT_TOO if shared else _fix(operation) if wanted else _UNKNOWN,
    )


def _fix(operation: SetField | CopyField) -> Fix:
    return Fix.safe(message("why-stop-invalid", "no engine can stop at the value as it is"), operation)


_UNKNOWN: Final = Fix.manual(
    message(
        "why-stop-invalid-unknown", "no file tells which id is meant: look up the turn end in the tokenizer"
    )
)


def _stated(model: Model, file: str) -> EosValue:
    return read_eos({_KEY: model.config_value(_KEY)} if file == CONFIG else model.object(file))


def _is_refused(part: JsonObject) -> bool:
    """Whether the config class of transformers 5 raises for the value."""
    kind = part.get("model_type")
    return isinstance(kind, str) and loaders(5).refused(kind, _KEY, part[_KEY])


def _valid_ids(context: Context, file: str, own: EosValue) -> list[JsonValue]:
    """The base's ids, those among merged's, and those of the tokens that merged's texts name; where that is
    nothing, what the folder's own witnesses say.
    """
    ids = context.merged.tokenizer.ids
    meant = [ids[entry] for entry in own.invalid if isinstance(entry, str) and entry in ids]
    base_ids: tuple[int, ...] = ()
    if context.base is not None and context.template_objection is None:
        is_config = file == CONFIG
        base_ids = (
            _stated(context.base, file).ids
            if is_config
            else context.base_views["transformers5"].stop_token_ids
        )
    usable = [token_id for token_id in base_ids if context.same_token(token_id)]
    return union(usable, [*own.ids, *meant]) or union(_elsewhere(context, file), ())


def _elsewhere(context: Context, file: str) -> list[int]:
    """The ids of the folder's other file with stop tokens, else the tokenizer's EOS."""
    other = _stated(context.merged, GENERATION_CONFIG if file == CONFIG else CONFIG).ids
    eos = () if context.eos_id is None else (context.eos_id,)
    return [token_id for token_id in other or eos if context.same_token(token_id)]


RULES: Final = (_invalid,)
