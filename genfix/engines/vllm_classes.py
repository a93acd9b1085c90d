"""Which class vLLM builds of a folder, whether that writes text, and which quantization it starts with.

Read in vLLM 0.33.0, and run there with transformers 5.19.0: model_executor/models/registry.py
(``inspect_model_cls``, ``_try_resolve_transformers``, ``_normalize_arch``), config/model.py
(``_get_default_runner_type``, ``try_match_architecture_defaults``, ``_verify_quantization``),
transformers_utils/config.py (``get_config``: the trunk of a type whose config names no class;
``get_pooling_config``), v1/engine/input_processor.py (``_validate_prompt_len``),
model_executor/layers/quantization/auto_gptq.py (``AutoGPTQConfig``),
model_executor/layers/quantization/auto_awq.py (``AutoAWQConfig``). Of older releases nothing is said: each
had another list of classes.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from genfix.engines.modeling.module_lines import class_for
from genfix.engines.shared.common import code_files
from genfix.engines.shared.config_classes import config_class
from genfix.engines.shared.config_object import NESTED_PARTS
from genfix.engines.shared.loaders import OwnTypes, own_types
from genfix.engines.shared.release import Release
from genfix.engines.shared.view import Effect, Problem
from genfix.engines.shared.vocabularies import in_mistral_format
from genfix.engines.shared.wording import NO_ARCHITECTURE
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject
from genfix.message import message
from genfix.model import Model

_READ: Final = (0, 33)
"""The release whose classes and methods the data has."""
_SUFFIXES: Final = (
    *("ForCausalLM", "ForConditionalGeneration", "ChatModel", "LMHeadModel"),
    *("ForTextEncoding", "EmbeddingModel", "ForSequenceClassification", "ForTokenClassification"),
    *("ForAudioClassification", "ForImageClassification", "ForVideoClassification", "ClassificationModel"),
    *("ForRewardModeling", "RewardModel", "Model"),
)
"""How names of classes end, in the order in which they are tried: each may stand for any other."""
_WRITING: Final = 4
"""So many of them, the first, write text."""
_MODULES: Final = "modules.json"
_POOLING: Final = re.compile(
    rb'"sentence_transformers\.(?:models|sentence_transformer\.modules\.pooling)\.Pooling"'
)
_ENCODES: Final = "is_encoder_decoder"
_CONFIGURED: Final = ("quantization_config", "compression_config")
_OTHER_NAMES: Final = {"compressed_tensors": "compressed-tensors", "auto-round": "inc"}
_NEEDED: Final = {
    "awq": frozenset(["zero_point"]),
    "fp8": frozenset(["activation_scheme"]),
    "gptq": frozenset(["bits", "group_size", "desc_act", "sym"]),
}
"""By method, keys that it does not do without."""
_OF_MODELOPT: Final = frozenset(["producer", "quantization"])
"""Keys by which ModelOpt's settings tell their method in another way."""


class Served(NamedTuple):
    """What becomes of the class that config.json names."""

    problems: tuple[Problem, ...] = ()
    pools: bool = False
    """Whether it is served for vectors or scores, and answers no chat."""


def served(model: Model, version: Release) -> Served:
    """The class that is built, by the names in config.json or else by the model type."""
    stated = model.config.get("architectures") or []
    if version < _READ or not model.model_type or not isinstance(stated, list) or _is_of_mistral(model):
        return Served()
    trunk = class_for("AutoModel", model.model_type)
    names = [name for name in stated or [trunk] if isinstance(name, str)]
    if not names:
        return Served() if stated else Served((NO_ARCHITECTURE,))
    own = own_types("vllm")
    if not any(_is_built(name, own) for name in names) and not _has_model_code(model):
        if names[0] not in own.backend:
            return Served((_unknown(names[0]),))
        if _reads_text_first(model):
            return Served((_NO_ENCODER,))
    pools = _pools(model, names, own)
    return Served((_no_text(names[0]),) if pools else (), pools)


def _is_of_mistral(model: Model) -> bool:
    """Whether Mistral's own params.json is read, and not config.json."""
    return model.has("params.json") and in_mistral_format(model)


def _is_built(name: str, own: OwnTypes) -> bool:
    """Whether vLLM has the class, or makes it of one that differs in what stands upon the same trunk."""
    if name in own.architectures:
        return True
    suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), None)
    others = () if suffix is None or name in own.backend else _SUFFIXES
    return any(name.replace(suffix or "", other) in own.architectures for other in others)


def _has_model_code(model: Model) -> bool:
    """Whether the folder brings code for the class, which nobody knows here."""
    return any(
        code.named_in == CONFIG and code.key.startswith("AutoModel") and model.has(code.file)
        for code in code_files(model)
    )


def _pools(model: Model, names: Sequence[str], own: OwnTypes) -> bool:
    """The first name that tells; files of sentence-transformers tell before all."""
    if model.has(_MODULES) and _POOLING.search(model.folder.read(_MODULES)):
        return True
    for name in names:
        if name in own.architectures:
            return name in own.pooling
        for number, suffix in enumerate(_SUFFIXES):
            if name.endswith(suffix):
                return number >= _WRITING
    return False


def _reads_text_first(model: Model) -> bool:
    """Whether the class has an encoder of text, and no part that sees or hears."""
    config, known = model.config, config_class(model.model_type or "")
    default = known is not None and known.newest(_ENCODES, 5) is True
    return bool(config.get(_ENCODES, default)) and not any(config.get(part) for part in NESTED_PARTS)


def _unknown(name: str) -> Problem:
    return Problem(
        message("engine-cannot-know-architecture", "the class {name!r} is unknown there", name=name)
    )


def _no_text(name: str) -> Problem:
    return Problem(
        message(
            "engine-fails-on-pooling", "{name} is served for vectors or scores, and writes no text", name=name
        ),
        Effect.NO_ANSWER,
    )


_NO_ENCODER: Final = Problem(
    message("engine-fails-on-encoder", "it gives no text to an encoder"), Effect.NO_ANSWER
)


def quantization_problems(model: Model, version: Release) -> Iterator[Problem]:
    """Why it does not start with the quantization that config.json declares."""
    declared = _declared(model)
    stated = declared.get("quant_method")
    if version < _READ or not isinstance(stated, str) or not stated or declared.keys() & _OF_MODELOPT:
        return
    method = _OTHER_NAMES.get(stated.lower(), stated.lower())
    if method not in own_types("vllm").quantizations or not _is_taken(method, declared):
        yield Problem(
            message(
                "engine-cannot-know-quantization",
                "it has no code for quantization as {name!r} has it in config.json",
                name=stated,
            )
        )


def _declared(model: Model) -> JsonObject:
    text = model.config.get("text_config")
    for config in (model.config, text if isinstance(text, dict) else {}):
        for key in _CONFIGURED:
            value = config.get(key)
            if value is not None:
                return value if isinstance(value, dict) else {}
    return {}


def _is_taken(method: str, declared: JsonObject) -> bool:
    """The numbers of bits there is code for; GPTQ without an order of its own in each group."""
    if not _NEEDED.get(method, frozenset()) <= declared.keys():
        return False
    if method == "gptq":
        ordered = bool(declared["desc_act"]) and declared["group_size"] != -1
        return declared["bits"] in (4, 8) and declared["sym"] is True and not ordered
    return method != "awq" or declared.get("w_bit", declared.get("bits")) == 4
