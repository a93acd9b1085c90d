"""Asks ExLlamaV3: its config and tokenizer, without its kernels, which need a graphics card.

TabbyAPI, which takes the chat template, is in no package and is not asked.
"""

import json
import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from asking import ask


class _Kernels(ModuleType):
    """Stands for the compiled part, which nothing here calls."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: 0


def without_kernels() -> None:
    """Let the modules that are asked be imported one by one, and not with all that the package imports."""
    found = find_spec("exllamav3")
    place = Path(str(found.origin)).parent
    for name in ("exllamav3", "exllamav3.model", "exllamav3.tokenizer"):
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = [str(place.joinpath(*name.split(".")[1:]))]
    sys.modules["exllamav3.ext"] = sys.modules["exllamav3_ext"] = _Kernels("exllamav3.ext")


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of ExLlamaV3 tells, but the template."""
    tokenizer_file = folder / "tokenizer.json"
    if tokenizer_file.exists():  # the toy has no token for spaces, and every real vocabulary does
        words = json.loads(tokenizer_file.read_bytes())
        known = words["model"]["vocab"]
        known |= {" ": known.pop("#0"), "\n": known.pop("#1")}
        tokenizer_file.write_text(json.dumps(words))
    names = json.loads((folder / "config.json").read_bytes())["architectures"]
    config_module = import_module("exllamav3.model.config")
    # A class for any architecture: which ones an engine can build is no question of metadata.
    kind = type("AnyConfig", (config_module.Config,), {"arch_string": names[0] if names else None})
    config = kind(str(folder), {})
    tokenizer = import_module("exllamav3.tokenizer.tokenizer").Tokenizer(config)
    ends = {int(one) for one in config.eos_token_id_list if isinstance(one, int) and one >= 0}
    own = tokenizer.eos_token_id
    return {
        "stops": sorted(ends or {one for one in [own] if isinstance(one, int)}),
        "context": config.max_position_embeddings,
        "sampling": {},
    }


if __name__ == "__main__":
    without_kernels()
    ask({"engine": "exllamav3", "version": version("exllamav3"), "libraries": {}}, answer)
