"""Asks LMDeploy: its ``AsyncEngine`` as the server builds it, with nothing in the place of the backend."""

import torchvision_beside  # noqa: F401  # isort: skip

import logging
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lmdeploy
import transformers
from asking import ask, brief, digest
from lmdeploy.archs import get_task
from lmdeploy.messages import GenerationConfig, PytorchEngineConfig
from lmdeploy.model import HFChatTemplate
from lmdeploy.pytorch.messages import SamplingParam
from lmdeploy.serve.core import AsyncEngine
from lmdeploy.serve.core.generation_config import build_generation_config, resolve_default_gen_config
from lmdeploy.serve.openai.protocol import ChatCompletionRequest
from lmdeploy.vl.model.builder import load_vl_model

SAMPLING = ("top_p", "top_k", "min_p", "temperature", "repetition_penalty", "min_new_tokens")


class Engine(AsyncEngine):
    """The engine's own code around a backend that is not there."""

    def _build_pytorch(self, **_: Any) -> Any:
        config = PytorchEngineConfig(max_batch_size=1)
        return SimpleNamespace(engine_config=config, create_instance=lambda: None, close=lambda: None)

    def _build_stat_loggers(self) -> None:
        pass


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of LMDeploy tells."""
    task, _ = get_task("pytorch", str(folder))
    if task == "vlm":  # as its encoder of images does first
        load_vl_model(str(folder), "pytorch")
    engine = Engine(str(folder), backend="pytorch", backend_config=PytorchEngineConfig(max_batch_size=1))
    template = engine.chat_template
    rendered = template.tokenizer.chat_template if isinstance(template, HFChatTemplate) else None
    found: dict[str, Any] = {
        "fails": None,
        "tokenizer_eos": engine.tokenizer.eos_token_id,
        "template": digest(rendered),
        "context": engine.session_len,
    }
    try:
        defaults = resolve_default_gen_config("auto", str(folder), trust_remote_code=False)
        request = ChatCompletionRequest(model="model", messages=[{"role": "user", "content": "hello"}])
        settings = build_generation_config(request, defaults, max_new_tokens=1)
        settings = engine._determine_gen_config([], settings)
        SamplingParam.from_gen_config(settings)  # as the backend does first
    except Exception as error:
        return found | {"fails": brief(error)}
    # Negative ids and what is no id are in the list too, and no token is ever equal to them.
    stops = sorted({int(entry) for entry in settings.stop_token_ids if isinstance(entry, int | float)})
    return found | {
        "stops": [entry for entry in stops if entry >= 0],
        "sampling": {key: getattr(settings, key) for key in SAMPLING},
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    bare = GenerationConfig()
    ask(
        {
            "engine": "lmdeploy",
            "version": lmdeploy.__version__,
            "libraries": {"transformers": transformers.__version__},
            "defaults": {key: getattr(bare, key) for key in SAMPLING},
        },
        answer,
    )
