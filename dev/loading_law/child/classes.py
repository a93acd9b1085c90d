# ruff: noqa: B009 - what transformers keeps by model type has no public door
"""The classes of a model type, as this interpreter's transformers has them."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Final

import transformers  # type: ignore[import-not-found, unused-ignore]

__all__ = ["config_class", "model_classes", "named_tokens", "part_class", "tokenizer_class", "types"]

_FIRST: Final = (
    "CAUSAL_LM",
    "IMAGE_TEXT_TO_TEXT",
    "MULTIMODAL_LM",
    "SEQ_TO_SEQ_CAUSAL_LM",
    "SPEECH_SEQ_2_SEQ",
    "MASKED_LM",
)
_NO_TYPES: Final = frozenset({"EvollaModel"})


def _auto(name: str) -> ModuleType:
    return importlib.import_module(f"transformers.models.auto.{name}")


def types() -> Sequence[str]:
    """Every model type."""
    names: Sequence[str] = list(getattr(_auto("configuration_auto"), "CONFIG_MAPPING_NAMES"))
    return sorted(names)


def config_class(kind: str) -> type:
    """The config class of a model type; KeyError where this release has none."""
    found: type = getattr(_auto("configuration_auto"), "CONFIG_MAPPING")[kind]
    return found


def model_classes(kind: str, config: type) -> Iterator[type]:
    """The classes that take ``config``: those that generate first."""
    auto = _auto("modeling_auto")
    tables = [name for name in dir(auto) if name.startswith("MODEL") and name.endswith("MAPPING_NAMES")]
    first = [f"MODEL_FOR_{name}_MAPPING_NAMES" for name in _FIRST] + ["MODEL_MAPPING_NAMES"]
    for table in [
        *(name for name in first if name in tables),
        *(name for name in tables if name not in first),
    ]:
        names = getattr(auto, table).get(kind) or ()
        for name in (names,) if isinstance(names, str) else names:
            if (found := getattr(transformers, name, None)) is not None:
                yield found
    package = config.__module__.rsplit(".", 1)[0]
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if module.name.startswith("modeling_") and not module.name.startswith(
            ("modeling_tf", "modeling_flax")
        ):
            for found in vars(importlib.import_module(f"{package}.{module.name}")).values():
                if (
                    inspect.isclass(found)
                    and getattr(found, "config_class", None) is config
                    and hasattr(found, "save_pretrained")
                    and not found.__name__.endswith("PreTrainedModel")
                ):
                    yield found


def tokenizer_class(kind: str) -> str | None:
    """The name of a model type's tokenizer class, in the spelling published folders have."""
    found = getattr(_auto("tokenization_auto"), "TOKENIZER_MAPPING_NAMES").get(kind)
    names = [found] if isinstance(found, str) else list(found or ())
    name = next((each for each in names if each), None)
    return "PreTrainedTokenizerFast" if name == "TokenizersBackend" else name


def part_class(part: str, kind: str) -> type | None:
    """The class of ``processor``, ``image_processor``, ``video_processor`` or ``feature_extractor``."""
    module, table = {
        "processor": ("processing_auto", "PROCESSOR_MAPPING_NAMES"),
        "image_processor": ("image_processing_auto", "IMAGE_PROCESSOR_MAPPING_NAMES"),
        "video_processor": ("video_processing_auto", "VIDEO_PROCESSOR_MAPPING_NAMES"),
        "feature_extractor": ("feature_extraction_auto", "FEATURE_EXTRACTOR_MAPPING_NAMES"),
    }[part]
    found = getattr(_auto(module), table).get(kind)
    names = (
        [found]
        if isinstance(found, str)
        else list((found.values() if isinstance(found, dict) else found) or ())
    )
    for name in reversed([name for name in names if name]):
        if (known := getattr(transformers, name, None)) is not None and not hasattr(known, "_backends"):
            return known if inspect.isclass(known) else None
    return None


def named_tokens(processor: type) -> Sequence[str]:
    """What a processor asks its tokenizer for: ``image`` for ``tokenizer.image_token``.

    What it sets is none of them: ``tokenizer.add_bos_token = False`` of PaliGemma is a switch.
    """
    source = inspect.getsource(processor)
    return sorted(
        set(re.findall(r"tokenizer\.(\w+)_token(?:_id)?\b(?! = )", source))
        | set(re.findall(r"tokenizer, \"(\w+)_token", source))
    )
