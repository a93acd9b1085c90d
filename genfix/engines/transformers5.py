"""transformers 5: ``model.generate()`` and the pipelines over it.

Read in transformers 5.24.0: generation/utils.py (``adjust_generation_fn``, ``_prepare_special_tokens``),
generation/configuration_utils.py (``from_pretrained``, ``from_model_config``). The same files of 5.0.0 to
5.20.0 differ in one thing that counts here: before 5.4.0 config.json's values were not checked.
"""

from typing import Final

from genfix.engines.shared.common import chosen, text_list
from genfix.engines.shared.config_object import NESTED_PARTS
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.generating import SAMPLING, Ends, generated_ends, setting_problems
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.taken_settings import failing, refused_by_generate
from genfix.engines.shared.view import EngineView, Reading
from genfix.engines.shared.wording import hidden_by_generation_config, stop_from_generation_config
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model

_ID: Final = "transformers5"
_VERSION: Final = "5.24.0"
_OLDEST: Final = "5.0.0"


def reading(model: Model) -> Reading:
    """The stop set comes from generation_config.json alone; config.json counts only when that file cannot be
    read.
    """
    return _reading(model, *_generation(model))


def _reading(model: Model, settings: JsonObject, ends: Ends) -> Reading:
    file = model.generation_config
    trace = [stop_from_generation_config(file, ends.ids)]
    hidden = generated_ends({"eos_token_id": model.config.get("eos_token_id")}, CONFIG)
    if file.value is not None and set(hidden.ids) - set(ends.ids):
        trace.append(hidden_by_generation_config(hidden.ids))
    return Reading(_ID, ends.ids, chosen(settings, SAMPLING), tuple(trace))


def view(model: Model, version: Release = NEWEST) -> EngineView:
    """`reading`, and whether it loads, with which template."""
    from genfix.engines.shared.hf_loading import auto_problems  # noqa: PLC0415 - these read data that rules do not need
    from genfix.engines.shared.templates import processor_problems, template_source  # noqa: PLC0415
    from genfix.engines.shared.weight_formats import weight_problems  # noqa: PLC0415

    file = model.generation_config
    settings, ends = _generation(model)
    read = _reading(model, settings, ends)
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=read.stop_token_ids,
        sampling=read.sampling,
        chat_template=template_source(model),
        context_length=None,
        problems=(
            *auto_problems(model, 5, version),
            *processor_problems(model, 5, version),
            *weight_problems(model, _ID),
            *setting_problems(file, settings),
            *ends.problems,
            *failing(refused_by_generate(settings, 5), CONFIG if file.value is None else file.name),
        ),
        trace=read.trace,
        stop_strings=text_list(settings, "stop_strings"),
    )


def _generation(model: Model) -> tuple[JsonObject, Ends]:
    """The settings of the generation config, and the ids that end generation."""
    file = model.generation_config
    source, settings = (CONFIG, _fallback(model.config)) if file.value is None else (file.name, file.value)
    return settings, generated_ends(settings, source)


def _fallback(config: JsonObject) -> JsonObject:
    """The raw config.json; where it has nothing, the first nested part that is not empty.

    Defaults of the config class do not count here (transformers 4 and vLLM do count them).
    """
    part: JsonValue = next((config[key] for key in NESTED_PARTS if config.get(key)), None)
    top = {key: value for key, value in config.items() if value is not None}
    return {**part, **top} if isinstance(part, dict) else top


ENGINE: Final = Engine(_ID, "transformers 5", _VERSION, _OLDEST, view, server=None, shows_tokens=False)
