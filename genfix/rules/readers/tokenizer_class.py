"""GF701: a tokenizer class that only newer readers know, where the base has one that all of them know.

transformers 5 reads what transformers 4 wrote, but not the other way round, and converters and older engines
still load tokenizers with transformers 4. A spelling is changed only to one that transformers 5 reads exactly
as the one that is there.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.loaders import built_parts, loaders
from genfix.engines.shared.vocabularies import has_tokenizer_code
from genfix.folder.kinds import FAST_TOKENIZER, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, Operation, SetField, Severity, Witness
from genfix.rules.core.questions import READERS
from genfix.rules.core.reasons import NOBODY_OLDER
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.pre_tokenizer import canonical

_CLASS: Final = "tokenizer_class"
_BACKENDS: Final = ("TokenizersBackend", "PythonBackend")
"""Names for which AutoTokenizer of transformers 5 reads ``tokenizer.json`` as it is."""
_OLDER_NAME: Final = "PreTrainedTokenizerFast"
"""The older name of the same class: in transformers 5 it is an alias."""
_PARTS: Final = ("normalizer", "pre_tokenizer", "decoder", "post_processor")
_ADDED: Final = ("add_bos_token", "add_eos_token")
_INPUTS: Final = "model_input_names"
_DEFAULT_INPUTS: Final[list[JsonValue]] = ["input_ids", "attention_mask"]
"""What the class returns in transformers 5; in 4 it adds ``token_type_ids``, which ``generate()`` refuses."""


@rule(
    "GF701",
    "tokenizer-class-unknown-to-older-readers",
    Severity.WARNING,
    question=READERS,
    shows="`Tokenizer class ... does not exist`, also when a GGUF is made",
)
def _class_unknown(context: Context, rule: Rule) -> Iterator[Finding]:
    """`tokenizer_class` in `tokenizer_config.json` is a name that transformers 4 has no class for, such as
    `TokenizersBackend`, which transformers 5 writes; the base has one that it loads.

    Why: Readers with transformers 4 stop with `Tokenizer class TokenizersBackend does not exist or is not
    currently imported`. llama.cpp's converter pins transformers 4.57.6, so no GGUF can be made, and so do
    servers of that age. Readers with transformers 5 are not hurt.

    Fix: The base's class, where `tokenizer.json` is the base's and transformers 5 cuts text with that class
    as the file says: processors of transformers 4 ask for it (`Qwen2VLProcessor` raises a TypeError for any
    other). Else `PreTrainedTokenizerFast`, the older name of the same class, where `tokenizer.json` is there;
    and `model_input_names`, where it is absent, with the value that transformers 5 uses then: with its own
    default, transformers 4 returns `token_type_ids` too, which `generate()` refuses. A class name with other
    capitals, or with `Fast` twice, gets the name that was meant; any other the base's.

    Safety: Safe for these two: transformers 5 cuts text exactly as before. The base's class is not taken
    where transformers 5 would build another pre-tokenizer for it (`LlamaTokenizer`). Unsafe for all other
    names, where transformers 4 would overwrite the prefix space of `tokenizer.json`, and without a base,
    where the finding is information only, and the class is that of the model's type, if transformers 5 builds
    with it what stands in `tokenizer.json`.

    Sources:
    - transformers 4.57.6 and 5.23.0: models/auto/tokenization_auto.py `tokenizer_class_from_name`
    - transformers 4.57.6: processing_utils.py `check_argument_for_proper_class`
    - transformers 5.24.0: tokenization_utils_tokenizers.py `convert_to_native_format`
    - llama_cpp_python 0.3.36: vendor/llama.cpp/requirements/requirements-convert_legacy_llama.txt
    - unslothai/unsloth#8444
    - hiyouga/LlamaFactory#10310
    - ml-explore/mlx-lm#682
    """
    merged, base = context.merged, context.base
    config = merged.tokenizer_config
    name = config.get(_CLASS)
    if not isinstance(name, str) or _loads_in_4(config):
        return
    if base is None and not _reads_file(merged, name) and _meant(name) is None:
        return  # a class of its own that only newer versions have, as far as anybody can tell
    if base is not None and not _loads_in_4(base.tokenizer_config):
        return
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "tokenizer-class-unknown",
            "tokenizer_class {name!r} is unknown to transformers 4, with which llama.cpp converts models",
            name=name,
        ),
        severity=Severity.INFO if base is None else Severity.WARNING,
        witness=Witness.ENGINE if base is None else Witness.BASE,
        evidence=_base_class(base),
        pointer=f"/{_CLASS}",
        current=name,
        fix=_known_class(merged, base, name),
    )


def _loads_in_4(config: JsonObject) -> bool:
    """Whether transformers 4 finds the class: by its name, in code of its own, or from the model's type."""
    name = config.get(_CLASS)
    if has_tokenizer_code(config):
        return True
    return not isinstance(name, str) or bool({name, f"{name}Fast"} & loaders(4).tokenizer_classes)


def _base_class(base: Model | None) -> Iterator[Message]:
    name = base.tokenizer_config.get(_CLASS) if base is not None else None
    if isinstance(name, str):
        yield message("evidence-base-value", "the base has {value!r}", value=name)


def _reads_file(merged: Model, name: str) -> bool:
    """Whether transformers 5 takes ``tokenizer.json`` as it is under that name."""
    return merged.has(FAST_TOKENIZER) and name.removesuffix("Fast") in _BACKENDS


def _meant(name: str) -> str | None:
    """The class whose name differs in capitals or in a doubled ``Fast`` only."""
    stem = name
    while stem.endswith("Fast"):
        stem = stem.removesuffix("Fast")
    wanted = f"{stem}Fast" if name.endswith("Fast") else stem
    known = sorted(loaders(4).tokenizer_classes)
    return next((found for found in known if found.casefold() == wanted.casefold()), None)


def _known_class(merged: Model, base: Model | None, name: str) -> Fix:
    theirs = base.tokenizer_config if base is not None else {}
    named = theirs.get(_CLASS) if "auto_map" not in theirs else None
    if _reads_file(merged, name):
        is_general = named == _OLDER_NAME
        if (
            base is not None
            and isinstance(named, str)
            and not is_general
            and _cuts_alike(merged, base, named)
        ):
            return _class_of_base(merged, base, named)
        own = loaders(5).tokenizers.get(merged.model_type, "") if base is None else ""
        if own and own in loaders(4).tokenizer_classes and _builds(merged, own):
            return Fix.unsafe(NOBODY_OLDER, SetField(TOKENIZER_CONFIG, f"/{_CLASS}", own))
        return _older_name(merged, base)
    known = _meant(name)
    if known is not None:
        return Fix.unsafe(_other_class(known), SetField(TOKENIZER_CONFIG, f"/{_CLASS}", known))
    if isinstance(named, str):
        return Fix.unsafe(_other_class(named), CopyField(TOKENIZER_CONFIG, f"/{_CLASS}"))
    return Fix.manual(
        message("why-no-older-class", "no class of transformers 4 is known to read these files")
    )


def _cuts_alike(merged: Model, base: Model, name: str) -> bool:
    """Whether text is cut by the base's class as it is without it, in transformers 4 and in 5.

    ``tokenizer.json`` has to be the base's, and what the class builds in transformers 5 what stands there.
    """
    ours, theirs = merged.tokenizer_head, base.tokenizer_head
    if merged.tokenizer.ids != base.tokenizer.ids or any(
        merged.tokenizer_config.get(key) != base.tokenizer_config.get(key) for key in _ADDED
    ):
        return False
    if any(canonical(ours.get(part)) != canonical(theirs.get(part)) for part in _PARTS):
        return False
    return _builds(merged, name)


def _builds(merged: Model, name: str) -> bool:
    """Whether transformers 5 builds with that class what stands in ``tokenizer.json``."""
    head, built = merged.tokenizer_head, built_parts(name)
    return built is not None and all(
        part not in head or canonical(head[part]) == canonical(value) for part, value in built.items()
    )


def _class_of_base(merged: Model, base: Model, name: str) -> Fix:
    operations = [CopyField(TOKENIZER_CONFIG, f"/{_CLASS}")]
    if _INPUTS in base.tokenizer_config and _INPUTS not in merged.tokenizer_config:
        operations.append(CopyField(TOKENIZER_CONFIG, f"/{_INPUTS}"))
    why = message(
        "why-class-of-base",
        "tokenizer.json is the base's, and transformers 5 cuts text with {name} as it stands there",
        name=name,
    )
    return Fix.safe_unless(None if _adds_space_otherwise(base) else _space(merged), why, tuple(operations))


def _older_name(merged: Model, base: Model | None) -> Fix:
    operations: tuple[Operation, ...] = (SetField(TOKENIZER_CONFIG, f"/{_CLASS}", _OLDER_NAME),)
    if _INPUTS not in merged.tokenizer_config:
        order = tuple(sorted([*merged.keys(TOKENIZER_CONFIG), _INPUTS]))  # transformers 5 sorts the file
        operations += (SetField(TOKENIZER_CONFIG, f"/{_INPUTS}", _DEFAULT_INPUTS, order),)
    objection = _space(merged) or (NOBODY_OLDER if base is None else None)
    why = message(
        "why-older-class",
        "{name} is the older name of the same class: transformers 5 reads the folder as before",
        name=_OLDER_NAME,
    )
    return Fix.safe_unless(objection, why, operations)


def _other_class(name: str) -> Message:
    return message("why-other-class", "transformers 5 may cut text in another way with {name}", name=name)


def _space(merged: Model) -> Message | None:
    if not _adds_space_otherwise(merged):
        return None
    return message(
        "why-prefix-space",
        "transformers 4 would put another add_prefix_space in the place of tokenizer.json's",
    )


def _adds_space_otherwise(merged: Model) -> bool:
    """Whether transformers 4 would overwrite ``add_prefix_space`` of tokenizer.json by that of the config."""
    pre_tokenizer = merged.tokenizer_head.get("pre_tokenizer")
    if not isinstance(pre_tokenizer, dict) or "add_prefix_space" not in pre_tokenizer:
        return False
    return pre_tokenizer["add_prefix_space"] is not merged.tokenizer_config.get("add_prefix_space", False)


RULES: Final = (_class_unknown,)
