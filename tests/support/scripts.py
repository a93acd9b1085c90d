"""Scripts of ``tools/``, by their path: an installed package may be called ``tools`` as well."""

import importlib.util
from types import ModuleType

from tests.support.places import ROOT

TOOLS = ROOT / "tools"


def script(name: str) -> ModuleType:
    """The module ``tools/<name>.py``."""
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
