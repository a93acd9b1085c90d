"""The engines that are asked where nobody names one, and the way to all others.

`check` imports the two it judges by; this is for those who ask for more. What is asked by name alone is
imported when it is named: see `further`.
"""

from collections.abc import Mapping
from typing import Final

from genfix.engines import (
    llama_cpp,
    lmdeploy,
    mlx_lm,
    openvino_genai,
    sglang,
    transformers4,
    transformers5,
    vllm,
)
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.release import NEWEST, first, release
from genfix.engines.shared.view import Effect, EngineView, Problem
from genfix.message import message
from genfix.model import Model

EVERY_ENGINE: Final[Mapping[str, Engine]] = {
    module.ENGINE.id: module.ENGINE
    for module in (transformers5, transformers4, vllm, sglang, lmdeploy, llama_cpp, mlx_lm, openvino_genai)
}
"""Those that are asked by default; by name, in the order of reports."""


def all_engines() -> Mapping[str, Engine]:
    """Every engine genfix has a view of: those asked by default, then those asked by name."""
    from genfix.engines.further import FURTHER_ENGINES  # noqa: PLC0415 - few ask for these

    return {**EVERY_ENGINE, **FURTHER_ENGINES}


def engine_view(name: str, model: Model, version: str = "") -> EngineView:
    """How the engine ``name`` reads ``model``: in ``version``, by default in the newest that is known.

    A version beyond what is known gets the nearest known behaviour, and a problem that says so.

    Raises:
        KeyError: For an engine without a view.
        ValueError: For a version that is none.

    """
    engine = EVERY_ENGINE[name] if name in EVERY_ENGINE else all_engines()[name]
    if not version:
        return engine.view(model, NEWEST)
    asked = release(version)
    if asked < release(engine.oldest):
        nearest = engine.oldest
    elif first(version) > release(engine.version):
        nearest = engine.version
    else:
        return engine.view(model, asked)._replace(version=version)
    view = engine.view(model, release(nearest))
    told = Problem(
        message(
            "engine-version-unknown",
            "{version} is not known: this is what {nearest} does",
            version=version,
            nearest=nearest,
        ),
        Effect.UNCERTAIN,
    )
    return view._replace(version=nearest, problems=(told, *view.problems))


def every_view(model: Model) -> Mapping[str, EngineView]:
    """How the engines asked by default read ``model``, each in the newest version known."""
    return {name: engine.view(model, NEWEST) for name, engine in EVERY_ENGINE.items()}
