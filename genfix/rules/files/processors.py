"""GF506 to GF508: what a processor needs, and names that no library has.

Who is right: the released classes about names and arguments, config.json about the values of these.
"""

import json
from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.config_classes import config_class
from genfix.engines.shared.released import is_newer, released_class
from genfix.folder import FileKind, kind_of
from genfix.folder.kinds import CONFIG, PROCESSOR_FILES, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_diff import child_pointer
from genfix.message import message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import (
    CopyField,
    Finding,
    Fix,
    Operation,
    SetField,
    Severity,
    Witness,
    WriteFile,
)
from genfix.rules.core.questions import FILES
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule

_PROCESSOR: Final = "processor_config.json"
_PREPROCESSOR: Final = "preprocessor_config.json"
_CLASS: Final = "processor_class"
_NAMES: Final = (_CLASS, "image_processor_type", "feature_extractor_type", "video_processor_type")
_OF_TRAINER: Final = "_Unsloth_"
"""Has a rule of its own."""
_COLUMNS: Final = {"vision": ("image", "video"), "audio": ("audio",)}


@rule(
    "GF506",
    "no-processor",
    Severity.WARNING,
    question=FILES,
    shows="loading the processor fails, or the model serves text only",
)
def _no_processor(context: Context, rule: Rule) -> Iterator[Finding]:
    """The model sees or hears: `config.json` has a part for it and the weights have its tensors; and the
    folder has no file of any processor.

    Why: Nothing turns an image or sound into input: `does not appear to have a file named
    preprocessor_config.json`. Scripts that save the tokenizer of such a model in the place of its processor
    do that.

    Fix: None without a base: name it, and its files are put back.

    Safety: Manual. Only types whose processor transformers has are judged: a model with code of its own may
    need no such file. With a base, the files that the base has are missed under a rule of their own.

    Sources:
    - 2U1/Qwen-VL-Series-Finetune#34
    - hiyouga/EasyR1#48
    - transformers 4.45 to 5.24: models/auto/image_processing_auto.py
    """
    merged = context.merged
    if context.base is not None or any(map(merged.has, PROCESSOR_FILES)):
        return
    found = config_class(merged.model_type)
    if found is None or "auto_map" in merged.config:
        return
    for sense, columns in _COLUMNS.items():
        described = merged.config.get(f"{sense}_config") is not None
        wanted = next((name for column in columns for name in found.names.get(column, ())), None)
        if described and wanted is not None and sense in merged.weights.facts.senses:
            yield rule.finding(
                _PREPROCESSOR,
                message(
                    "no-processor",
                    "no file of a processor is here, though {type} has a {part} part, also in the weights",
                    type=merged.model_type,
                    part=sense,
                ),
                witness=Witness.WEIGHTS,
                engines=tuple(context.views),
                fix=Fix.manual(
                    message("why-no-processor", "name the base with --base: its files are put back")
                ),
            )
            return


@rule(
    "GF507",
    "processor-argument-missing",
    Severity.WARNING,
    question=FILES,
    shows="the first image fails: `unsupported operand type(s) for //: 'int' and 'NoneType'`",
)
def _arguments(context: Context, rule: Rule) -> Iterator[Finding]:
    """`processor_config.json` lacks an argument, or has null for it, that the processor's class computes
    with; `config.json` says the value.

    Why: The class has no default for it. Older releases of transformers took it from the model; now the
    processor raises at the first image, or counts other image tokens than the model makes.

    Fix: The value of `config.json`, or of its vision part.

    Safety: Unsafe: the file is read by older releases too, which then count image tokens in the processor.
    Information where the base lacks it too. A class with code of its own is not judged.

    Sources:
    - hiyouga/LlamaFactory#7517
    - kongds/E5-V#26
    - transformers 5.24.0: models/llava/processing_llava.py
    """
    merged, base = context.merged, context.base
    name = _processor_name(merged)
    found = released_class(name) if name is not None and not _has_own_code(merged) else None
    if found is None or name is None or found.kind != "processor":
        return
    missing = _missing(merged, found.needed)
    if not missing or merged.json(_PROCESSOR).unreadable:
        return
    shared = base is not None and _missing(base, found.needed).keys() >= missing.keys()
    yield rule.finding(
        _PROCESSOR,
        message(
            "processor-argument-missing",
            "{name} computes with {keys}, which the file does not say; config.json says {values}",
            name=name,
            keys=[*missing],
            values=[*missing.values()],
        ),
        severity=Severity.INFO if shared else Severity.WARNING,
        witness=Witness.FOLDER,
        pointer=f"/{next(iter(missing))}",
        engines=("transformers5", "vllm"),
        fix=BASE_HAS_IT_TOO
        if shared
        else Fix.unsafe(
            message("why-processor-argument", "older releases then count image tokens in the processor too"),
            *_said(merged, name, missing),
        ),
    )


def _missing(model: Model, needed: JsonObject) -> dict[str, JsonValue]:
    """What the processor does not say, by what config.json says of it."""
    values, vision = model.object(_PROCESSOR), model.config.get("vision_config")
    found: dict[str, JsonValue] = {}
    for key, compared in needed.items():
        said = vision.get(key) if isinstance(vision, dict) else None
        said = model.config.get(key) if said is None else said
        if values.get(key) is None and isinstance(said, int | str) and compared in (None, said):
            found[key] = said
    return found


def _said(merged: Model, name: str, missing: JsonObject) -> Iterator[Operation]:
    if merged.has(_PROCESSOR):
        order = tuple(sorted([*merged.keys(_PROCESSOR), *missing]))
        yield from (SetField(_PROCESSOR, f"/{key}", value, order) for key, value in missing.items())
    else:
        yield WriteFile(_PROCESSOR, _json({_CLASS: name, **missing}))


def _json(values: JsonObject) -> bytes:
    """As transformers saves it."""
    return (json.dumps({key: values[key] for key in sorted(values)}, indent=2) + "\n").encode()


def _processor_name(model: Model) -> str | None:
    """The class that AutoProcessor makes: named in a file, else that of the model's type."""
    for file in (_PROCESSOR, _PREPROCESSOR, TOKENIZER_CONFIG):
        name = model.object(file).get(_CLASS)
        if isinstance(name, str):
            return name
    found = config_class(model.model_type)
    return next(iter(found.names.get("processor", ())), None) if found is not None else None


def _has_own_code(model: Model) -> bool:
    return any("auto_map" in model.object(file) for file in (CONFIG, _PROCESSOR, _PREPROCESSOR))


@rule(
    "GF508",
    "processor-name-unknown",
    Severity.ERROR,
    question=FILES,
    shows="loading fails: `Unrecognized image processor`, or images are dropped",
)
def _unknown(context: Context, rule: Rule) -> Iterator[Finding]:
    """A processor is named that no release of transformers has: `Qwen2_5_VLImageProcessor`.

    Why: `AutoProcessor` and `AutoImageProcessor` look the class up by this name and fail with `Unrecognized
    image processor`, or fall back to the tokenizer alone. A name that was written by a development version,
    by a trainer's own class, or by hand.

    Fix: The base's name.

    Safety: Safe where the base names a class that releases have, for the same type of model. Otherwise
    manual, and a warning only where transformers has the model's type itself. Information where a newer
    transformers wrote the files than the newest that was read. Own processors, beside their Python file or
    named in `auto_map`, are left alone, and so is what the base has too.

    Sources:
    - unslothai/unsloth#1747
    - QwenLM/Qwen3-VL#1015
    - transformers 4.45 to 5.24: models/auto/image_processing_auto.py, processing_auto.py
    """
    merged, base = context.merged, context.base
    if _has_own_code(merged) or any(kind_of(name) is FileKind.CODE for name in merged.folder.names()):
        return
    is_new = is_newer(merged.config.get("transformers_version"))
    is_native = config_class(merged.model_type) is not None
    same_type = base is not None and base.model_type == merged.model_type
    for file in (*PROCESSOR_FILES, TOKENIZER_CONFIG):
        theirs = dict(_named(base.object(file))) if base is not None else {}
        for pointer, name in _named(merged.object(file)):
            if _is_known(name) or name.startswith(_OF_TRAINER) or theirs.get(pointer) == name:
                continue
            known = theirs.get(pointer)
            restored = known is not None and _is_known(known) and same_type
            alone = Severity.INFO if pointer.endswith(_CLASS) else Severity.WARNING  # colpali has its own
            severity = Severity.ERROR if restored else alone
            yield rule.finding(
                file,
                message("processor-name-unknown", "no release of transformers has a class {name}", name=name),
                severity=severity if is_native and not is_new else Severity.INFO,
                witness=Witness.BASE if restored else Witness.ENGINE,
                pointer=pointer,
                current=name,
                engines=tuple(context.views),
                fix=Fix.safe_unless(
                    message("why-class-newer", "a newer transformers wrote the files, and may have the class")
                    if is_new
                    else None,
                    message(
                        "why-processor-name", "the base, of the same type, names a class that releases have"
                    ),
                    (CopyField(file, pointer),),
                )
                if restored
                else Fix.manual(
                    message("why-processor-name-unknown", "name the class that the files were made for")
                ),
            )


def _is_known(name: str) -> bool:
    return released_class(name) is not None or released_class(name.removesuffix("Fast")) is not None


def _named(values: JsonObject, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Names of classes, also in the parts into which transformers 5 folds the files."""
    for key, value in values.items():
        place = child_pointer(pointer, key)
        if key in _NAMES and isinstance(value, str):
            yield place, value
        elif isinstance(value, dict) and not pointer:
            yield from _named(value, place)


RULES: Final = (_no_processor, _arguments, _unknown)
