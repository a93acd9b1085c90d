"""transformers 4: ``model.generate()`` of the older major version.

Read and run in transformers 4.57.6: generation/configuration_utils.py (``from_pretrained``,
``from_model_config``), generation/utils.py (``_prepare_special_tokens``, ``_prepare_generation_config``),
configuration_utils.py (``_get_global_generation_defaults``, ``_get_non_default_generation_parameters``),
modeling_utils.py (the generation config made from the config object stays where the file cannot be read),
models/auto/tokenization_auto.py (classes it does not know), tokenization_utils_base.py,
modeling_rope_utils.py (``rope_config_validation``). The same files back to 4.45.0, where
``from_model_config`` got its form; 4.45.0, 4.47.0, 4.51.3 and 4.52.4 were run too.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.common import text_list
from genfix.engines.shared.config_object import NESTED_PARTS, object_value
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.generating import DEFAULTS, SAMPLING, generated_ends, setting_problems
from genfix.engines.shared.hf_loading import auto_problems
from genfix.engines.shared.loaders import loaders
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.stop_files import generation_stop
from genfix.engines.shared.taken_settings import MOVED, failing, refused_by_generate
from genfix.engines.shared.templates import processor_problems, template_source
from genfix.engines.shared.view import EngineView, Problem
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import stop_from
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.message import message
from genfix.model import JsonFile, Model

_ID: Final = "transformers4"
_VERSION: Final = "4.57.6"
_OLDEST: Final = "4.45.0"

_NAMES_EXTRA: Final = (4, 47)
"""tokenization_utils_base.py: the first version that takes ``extra_special_tokens``, as an object of names.
"""
_LEGACY: Final = (
    *(
        "max_length",
        "min_length",
        "do_sample",
        "early_stopping",
        "num_beams",
        "temperature",
        "top_k",
        "top_p",
    ),
    *("typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size", "bad_words_ids"),
    *("encoder_no_repeat_ngram_size", "num_return_sequences", "output_scores", "return_dict_in_generate"),
    *("forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values", "suppress_tokens"),
    *("exponential_decay_length_penalty", "begin_suppress_tokens", "num_beam_groups", "diversity_penalty"),
)
"""configuration_utils.py (``_get_global_generation_defaults``): settings that config.json may have, too."""
_NEWER: Final = (
    *("top_h", "epsilon_cutoff", "eta_cutoff", "encoder_repetition_penalty", "guidance_scale", "max_time"),
    *("min_new_tokens", "penalty_alpha", "constraints", "force_words_ids", "dola_layers"),
)
"""Settings that came later, which the config object keeps all the same."""
_IDS: Final = ("eos_token_id", "bos_token_id", "pad_token_id", "decoder_start_token_id")


def view(model: Model, version: Release = NEWEST) -> EngineView:
    """As transformers 5, but the fall back is the config *object*, with the defaults of its class."""
    file = model.generation_config
    made = _fallback(model)  # in each case: a model makes it of its config before it looks for the file
    again = file.value is not None and _is_made_again(model.config, file.value)
    from_config = file.value is None or again
    settings: JsonObject = made if file.value is None or again else file.value
    ends = generated_ends(settings, CONFIG if from_config else file.name)
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=ends.ids,
        # A null in the file is no default: it switches the setting off.
        sampling={key: settings[key] for key in SAMPLING if key in settings},
        chat_template=template_source(model, major=4, version=version),
        context_length=None,
        problems=(
            *auto_problems(model, 4, version),
            *processor_problems(model, 4, version),
            *weight_problems(model, _ID),
            *class_problems(model, version),
            *setting_problems(file, settings, 4),
            *(setting_problems(JsonFile(CONFIG, present=False), made, 4) if file.value is not None else ()),
            *ends.problems,
            *failing(refused_by_generate(settings, 4, _moved(version)), CONFIG if from_config else file.name),
        ),
        trace=(stop_from(CONFIG, ends.ids),) if again else generation_stop(model, 4).trace,
        stop_strings=text_list(settings, "stop_strings"),
    )


def _is_made_again(config: JsonObject, generation: JsonObject) -> bool:
    """Whether ``generate()`` puts a generation config of config.json in the place of the file's: that says
    it was made so, and config.json sets something of it.
    """
    own = {key: config.get(key) for key in _LEGACY}
    return bool(generation.get("_from_model_config")) and any(
        value is not None and value != DEFAULTS.get(key) for key, value in own.items()
    )


def _fallback(model: Model) -> JsonObject:
    """What ``from_model_config`` makes of the config object: its own values, then those of the text part."""
    config = model.config
    part: JsonValue = next((config[key] for key in NESTED_PARTS if config.get(key)), None)
    inner: JsonObject = part if isinstance(part, dict) else {}
    found: dict[str, JsonValue] = {key: object_value(model, key, 4).value for key in _IDS}
    for key in dict.fromkeys((*SAMPLING, *_LEGACY, *_NEWER, "stop_strings")):
        own = config.get(key)
        if own is not None and own != DEFAULTS.get(key):
            found[key] = own
        elif key in inner:
            found[key] = inner[key]
    return found


def _moved(version: Release) -> frozenset[str]:
    """Which ways of generating were moved to the Hub (generation/utils.py): two in 4.56, all in 4.57."""
    early = frozenset(["dola_layers", "penalty_alpha"])
    return MOVED if version >= (4, 57) else early if version >= (4, 56) else frozenset()


def class_problems(model: Model, version: Release) -> Iterator[Problem]:
    """Why the class of the tokenizer is not found, or does not take its config."""
    config = model.tokenizer_config
    name = config.get("tokenizer_class")
    known = loaders(4).tokenizer_classes
    if isinstance(name, str) and not {name, f"{name}Fast"} & known and "auto_map" not in config:
        yield Problem(
            message("engine-cannot-find-class", "tokenizer_class {name!r} is unknown there", name=name)
        )
    if version >= _NAMES_EXTRA and isinstance(config.get("extra_special_tokens"), list):
        yield Problem(
            message("engine-cannot-read-list", "extra_special_tokens is a list, which it cannot read")
        )


ENGINE: Final = Engine(_ID, "transformers 4", _VERSION, _OLDEST, view, server=None, shows_tokens=False)
