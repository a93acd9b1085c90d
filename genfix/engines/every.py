"""All engines genfix has a view of.

`check` imports the two it judges by; this is for those who ask for more.
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
"""By name, in the order of reports."""


def engine_view(name: str, model: Model, version: str = "") -> EngineView:
    """How the engine ``name`` reads ``model``: in ``version``, by default in the newest that is known.

    A version beyond what is known gets the nearest known behaviour, and a problem that says so.

    Raises:
        KeyError: For an engine without a view.
        ValueError: For a version that is none.

    """
    engine = EVERY_ENGINE[name]
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
    """How all engines read ``model``, each in the newest version known."""
    return {name: engine.view(model, NEWEST) for name, engine in EVERY_ENGINE.items()}
