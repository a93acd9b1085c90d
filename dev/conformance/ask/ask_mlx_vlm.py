"""Asks mlx-vlm: what ``mlx_vlm.load`` reads, up to the weights."""

import logging
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlx.core as mx
import mlx_vlm
import transformers
from asking import ask, brief, digest
from mlx_vlm import prompt_utils, utils
from mlx_vlm.generate.common import resolve_sampling_defaults
from mlx_vlm.sample_utils import clamp_temperature, make_sampler
from transformers import CONFIG_MAPPING

SAMPLING = ("temperature", "top_p", "top_k")
CHAT = [{"role": "user", "content": "a"}]


class _ReachedError(Exception):
    """Loading has come to the weights."""


def _stop(config: Any) -> Any:
    raise _ReachedError(config)


class _Lenient:
    """A config class that keeps what it is given where a toy lacks a size that the class asks for."""

    def __init__(self, real: Any = None) -> None:
        self.real = real

    def from_dict(self, values: dict[str, Any]) -> Any:
        try:
            if self.real is not None:
                return self.real.from_dict(values)
        except TypeError as error:
            if "missing" not in str(error):
                raise
        return SimpleNamespace(**{key: value for key, value in values.items() if not key.endswith("_config")})


def model_config(folder: Path) -> Any:
    """The object that ``load_model`` has when it builds the model.

    A model type without a module gets a plain one: which an engine can build is no question of metadata.
    """
    real = utils.get_model_and_args

    def found(config: dict[str, Any], model_path: Path | None = None) -> Any:
        module, name = None, "plain"
        try:
            module, name = real(config=config, model_path=model_path)
        except ValueError:
            if config["model_type"] not in CONFIG_MAPPING:
                raise
        parts = {part: _Lenient(getattr(module, part)) for part in dir(module) if part.endswith("Config")}
        return SimpleNamespace(**{"ModelConfig": _Lenient(), **parts, "Model": _stop}), name

    utils.get_model_and_args, utils._load_safetensors = found, lambda _: {}
    utils.glob.glob = lambda _: ["model.safetensors"]
    try:
        utils.load_model(folder)
    except _ReachedError as reached:
        return reached.args[0]
    finally:
        utils.get_model_and_args = real
    return None


def template(processor: Any) -> Any:
    """The one that ``get_chat_template`` renders."""
    used: list[Any] = []
    tokenizer = getattr(processor, "tokenizer", processor)
    for one in (processor, tokenizer):
        one.apply_chat_template = lambda *_, one=one, **__: used.append(one.chat_template) or ""
    prompt_utils.get_chat_template(processor, CHAT, add_generation_prompt=True)
    return used[0] if used else None


def fails(temperature: Any, top_p: Any, top_k: Any) -> str | None:
    """Why no token is drawn with these."""
    try:
        sampler = make_sampler(temp=clamp_temperature(temperature), top_p=top_p, min_p=0.0, top_k=top_k)
        mx.eval(sampler(mx.zeros((1, 264))))
    except Exception as error:
        return brief(error)
    return None


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of mlx-vlm tells."""
    config = model_config(folder)
    processor = utils.load_processor(folder, True, eos_token_ids=getattr(config, "eos_token_id", None))
    criteria = getattr(processor, "tokenizer", processor).stopping_criteria
    values = resolve_sampling_defaults(config)
    return {
        "fails": fails(*values),
        "stops": sorted({int(one) for one in criteria.eos_token_ids if one >= 0}),
        "sampling": dict(zip(SAMPLING, values, strict=True)),
        "template": digest(template(processor)),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    ask(
        {
            "engine": "mlx-vlm",
            "version": mlx_vlm.__version__,
            "libraries": {"transformers": transformers.__version__},
            "defaults": dict(zip(SAMPLING, resolve_sampling_defaults(None), strict=True)),
        },
        answer,
    )
