"""Imported first, stands for torchvision, whose wheel loads with the CUDA build of torch alone.

SGLang imports it with everything else. Nothing here works; a script that would come to use it gets an error.
"""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PARTS = (
    "torchvision",
    "torchvision.io",
    "torchvision.transforms",
    "torchvision.transforms.functional",
    "torchvision.transforms.v2",
    "torchvision.transforms.v2.functional",
)


class _Anything(type):
    """A class that has every attribute, by name."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class _Part(ModuleType):
    """A module that has every class."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})


for part in PARTS:
    module = _Part(part)
    module.__spec__ = ModuleSpec(part, None, is_package=True)
    module.__path__ = []
    module.__version__ = "0.28.0"
    sys.modules[part] = module
    parent, _, name = part.rpartition(".")
    if parent:
        setattr(sys.modules[parent], name, module)
