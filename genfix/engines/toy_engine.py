"""The toy of an exercise: it stops at the ids of generation_config.json, and loads what has a config.json."""

from typing import Final

from genfix.engines.shared.engine import Engine
from genfix.engines.shared.eos import read_eos
from genfix.engines.shared.release import Release
from genfix.engines.shared.view import EngineView, Problem
from genfix.folder.kinds import GENERATION_CONFIG
from genfix.message import message
from genfix.model import Model

_ID: Final = "toy"
_VERSION: Final = "1.0.0"


def view(model: Model, version: Release) -> EngineView:
    """How the toy reads a folder."""
    del version
    problems = (
        () if model.config else (Problem(message("engine-cannot-find-config", "config.json is missing")),)
    )
    ids = read_eos(model.object(GENERATION_CONFIG)).ids
    trace = message("trace-stop-from", "{file} gives {ids}", file=GENERATION_CONFIG, ids=[*ids])
    return EngineView(_ID, _VERSION, ids, {}, None, None, problems, (trace,))


ENGINE: Final = Engine(_ID, "Toy", _VERSION, _VERSION, view, server=None, shows_tokens=False)
