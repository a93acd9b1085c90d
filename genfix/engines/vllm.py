"""vLLM: the OpenAI-compatible server and ``LLM.chat``.

Read in vLLM 0.4.0 to 0.33.0: transformers_utils/config.py (``try_get_generation_config``), sampling_params.py
(``update_from_generation_config``, ``_verify_args``), config/model.py (``get_diff_sampling_param``),
v1/engine/core.py (``process_input_sockets``). How long a sequence may be: `vllm_length`; who writes a chat:
`vllm_chat`; which class is built: `vllm_classes`.

What changed, and in which release for the first time:

- 0.4.1 (#4182): ids of generation_config.json; only the tokenizer's EOS before.
- 0.5.1 (#5954): the config object where that file is missing or no JSON.
- 0.6.6 (#11164): sampling defaults of the file, for those who ask with ``--generation-config auto``.
- 0.8.0 (#12622): that is the default. The V1 engine, too: its core reads requests with their types.
- 0.19.1: transformers 5 may be installed.
- 0.31.0: ``presence_penalty`` and ``frequency_penalty`` are taken. 0.33.0: ``skip_special_tokens`` is.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from genfix.engines.shared.common import chosen, joined
from genfix.engines.shared.config_object import class_defaults, is_flat, object_value
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.eos import EosValue, read_eos
from genfix.engines.shared.generating import DEFAULTS, setting_problems
from genfix.engines.shared.loaded_eos import loaded_eos
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.stop_files import FileStop, generation_stop
from genfix.engines.shared.taken_settings import Kind, Table, Taken, failing, refused
from genfix.engines.shared.view import EngineView, Problem, Reading
from genfix.engines.shared.wording import no_answer_for_eos, stop_of_class, stop_of_tokenizer
from genfix.folder.kinds import CONFIG, TEKKEN
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model

_ID: Final = "vllm"
_VERSION: Final = "0.33.0"
_OLDEST: Final = "0.4.0"

_SAMPLING: Final = ("repetition_penalty", "temperature", "top_k", "top_p", "min_p", "max_new_tokens")
_OLDER_LIBRARY: Final = 4
"""The major version of transformers that has no such class."""
_FURTHER: Final[Mapping[str, Release]] = {
    "presence_penalty": (0, 31),
    "frequency_penalty": (0, 31),
    "skip_special_tokens": (0, 33),
}
"""Keys that transformers' ``GenerationConfig`` has no field for, and since when they are taken."""
_TAKEN: Final[Table] = {
    "temperature": Taken(Kind.REAL, 0, 2, finite=True),
    "top_p": Taken(Kind.REAL, 0, 1, without_lowest=True),
    "top_k": Taken(Kind.COUNT, -1),
    "min_p": Taken(Kind.REAL, 0, 1),
    "repetition_penalty": Taken(Kind.REAL, 0, without_lowest=True, finite=True),
    **dict.fromkeys(("presence_penalty", "frequency_penalty"), Taken(Kind.REAL, -2, 2)),
    "max_new_tokens": Taken(Kind.COUNT, 1),
    "skip_special_tokens": Taken(Kind.FLAG),
}
"""What ``SamplingParams`` and, of the right type, the engine core take."""


def reading(model: Model, version: Release = NEWEST) -> Reading:
    """The tokenizer's EOS and the ids of generation_config.json; the config object only when that cannot be
    read.
    """
    major = _major(version)
    return _reading(model, version, _primary(model, major), _file_stop(model, version, major))


def _reading(model: Model, version: Release, primary: int | None, stop: FileStop) -> Reading:
    ids = () if primary is None else (primary,)
    told = [stop_of_tokenizer(model.tokenizer.eos_token or "</s>", own) for own in ids]
    sampling = _sampling(stop.settings, version, _major(version))
    return Reading(_ID, joined(ids, stop.eos.ids), sampling, (*told, *stop.trace))


def view(model: Model, version: Release = NEWEST) -> EngineView:
    """`reading`, and whether it loads and answers, with which template and for how long."""
    from genfix.engines.shared.weight_formats import weight_problems  # noqa: PLC0415 - these read data that rules do not need
    from genfix.engines.vllm_chat import chat  # noqa: PLC0415
    from genfix.engines.vllm_classes import quantization_problems, served  # noqa: PLC0415
    from genfix.engines.vllm_length import sequence_length  # noqa: PLC0415

    major = _major(version)
    primary, stop = _primary(model, major), _file_stop(model, version, major)
    read = _reading(model, version, primary, stop)
    built = served(model, version)
    length = sequence_length(model, version, major, pools=built.pools)
    template = chat(model, version, major)
    problems = [
        *_load_problems(model, major),
        *built.problems,
        *quantization_problems(model, version),
        *weight_problems(model, _ID),
        *setting_problems(model.generation_config, stop.settings, major),
        *_request_problems(model, primary, version),
        *_setting_problems(model, read.sampling, version),
        *template.problems,
    ]
    problems += [problem for problem in length.problems if problem not in problems]
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=read.stop_token_ids,
        sampling=read.sampling,
        chat_template=template.source,
        context_length=length.tokens,
        problems=tuple(problems),
        trace=read.trace,
    )


def _load_problems(model: Model, major: int) -> Iterator[Problem]:
    """Those of transformers, and of Mistral's library where that makes the tokenizer."""
    from genfix.engines.shared.hf_loading import auto_problems  # noqa: PLC0415 - as in `view`
    from genfix.engines.shared.loaders import own_types  # noqa: PLC0415
    from genfix.engines.shared.mistral_library import is_of_mistral, mistral_problem  # noqa: PLC0415

    problems = auto_problems(model, major, own=own_types(_ID))
    if not _has_mistral_tokenizer(model, major):
        yield from problems
        return
    yield from (problem for problem in problems if not is_of_mistral(problem))
    own = mistral_problem(model, _mistral_eos(model))
    if own is not None:
        yield own


def _mistral_eos(model: Model) -> int | None:
    """The end; a tokenizer of its own makes do with no other token for it."""
    from genfix.engines.shared.mistral_library import MISTRAL_EOS, mistral_eos, mistral_tokens  # noqa: PLC0415 - as in `view`
    from genfix.engines.shared.vocabularies import in_mistral_format  # noqa: PLC0415

    return mistral_tokens(model).get(MISTRAL_EOS) if in_mistral_format(model) else mistral_eos(model)


def _has_mistral_tokenizer(model: Model, major: int) -> bool:
    """Whether Mistral's library, which vLLM brings along, makes the tokenizer."""
    from genfix.engines.shared.mistral_library import names_mistral_class  # noqa: PLC0415 - as in `view`
    from genfix.engines.shared.vocabularies import in_mistral_format  # noqa: PLC0415

    return in_mistral_format(model) or (major > _OLDER_LIBRARY and names_mistral_class(model))


def _major(version: Release) -> int:
    """Of the transformers that it takes."""
    return 5 if version >= (0, 19, 1) else 4


def _primary(model: Model, major: int) -> int | None:
    if model.has(TEKKEN) and _has_mistral_tokenizer(model, major):
        return _mistral_eos(model)
    return loaded_eos(model) if major > _OLDER_LIBRARY else model.tokenizer.eos_token_id


def _file_stop(model: Model, version: Release, major: int) -> FileStop:
    if version < (0, 4, 1) or (version < (0, 5, 1) and model.generation_config.value is None):
        return FileStop(EosValue(), (), {})
    stop = generation_stop(model, major)
    if model.generation_config.value is None and "eos_token_id" not in model.config and is_flat(model):
        defaults = class_defaults(major)
        text = defaults.get(str(defaults.get(str(model.config["model_type"]), {}).get("text")), {})
        eos = read_eos(text)
        return stop._replace(eos=eos, trace=(stop_of_class(eos.ids),))
    return stop


def _sampling(settings: JsonObject, version: Release, major: int) -> dict[str, JsonValue]:
    if version < (0, 8):
        return {}
    further = [key for key, since in _FURTHER.items() if version >= since]
    # A config that says it was made of a model's keeps its fields alone (generation/configuration_utils.py).
    taken = chosen(settings, (*_SAMPLING, *(() if settings.get("_from_model_config") else further)))
    return {key: value for key, value in taken.items() if major > 4 or value != DEFAULTS.get(key)}


def _request_problems(model: Model, primary: int | None, version: Release) -> Iterator[Problem]:
    """Why each request fails: a set is made of the ids, and the engine core takes whole numbers alone.

    Its thread that reads requests dies of anything else, and the server, alive to all looks, answers no more.
    """
    file = model.generation_config
    if version < ((0, 5, 1) if file.value is None else (0, 4, 1)):
        return
    if file.value is None:
        name, eos = CONFIG, object_value(model, "eos_token_id", _major(version)).value
    else:
        name, eos = file.name, file.value.get("eos_token_id")
    if not _makes_a_set(eos) or (version >= (0, 8) and not _reaches_the_core(eos, primary)):
        yield no_answer_for_eos(name)


def _setting_problems(model: Model, sampling: JsonObject, version: Release) -> tuple[Problem, ...]:
    """A temperature above 2 is refused from 0.33.0 on, the first that was read for it."""
    table = _TAKEN if version >= (0, 33) else {**_TAKEN, "temperature": Taken(Kind.REAL, 0, finite=True)}
    file = model.generation_config
    return failing(refused(sampling, table), CONFIG if file.value is None else file.name)


def _makes_a_set(eos: JsonValue) -> bool:
    if isinstance(eos, list):
        return not any(isinstance(entry, list | dict) for entry in eos)
    return not isinstance(eos, float)


def _reaches_the_core(eos: JsonValue, primary: int | None) -> bool:
    """Of 258 and 258.0 a set keeps the first, and the tokenizer's own id goes, with all that equals it."""
    entries: Iterable[JsonValue] = eos if isinstance(eos, list | str | dict) else [] if eos is None else [eos]
    return all(
        (type(entry) is int and -(2**63) <= entry < 2**64) or (primary is not None and entry == primary)
        for entry in dict.fromkeys(entries)
    )


ENGINE: Final = Engine(_ID, "vLLM", _VERSION, _OLDEST, view, server="vllm", shows_tokens=True)
