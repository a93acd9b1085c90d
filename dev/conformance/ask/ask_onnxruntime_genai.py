"""Asks ONNX Runtime GenAI: the ``genai_config.json`` that its model builder makes (``config_only``)."""

import json
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import onnxruntime_genai
import transformers
from asking import ask, digest
from onnxruntime_genai.models import builder

SAMPLING = ("do_sample", "temperature", "top_k", "top_p", "repetition_penalty", "num_beams")


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of ONNX Runtime GenAI tells."""
    with tempfile.TemporaryDirectory() as place:
        options = builder.parse_extra_options(
            "", str(folder), place, "fp32", "cpu", place, ["config_only=true"]
        )
        builder.create_model(str(folder), "", place, "fp32", "cpu", place, **options)
        made = json.loads(Path(place, "genai_config.json").read_bytes())
        tokenizer = transformers.AutoTokenizer.from_pretrained(place)
        eos, length = (made["model"][key] for key in ("eos_token_id", "context_length"))
        return {
            "stops": sorted({one for one in (eos if isinstance(eos, list) else [eos]) if one >= 0}),
            "sampling": {key: made["search"][key] for key in SAMPLING},
            "template": digest(tokenizer.chat_template),
            "context": length if isinstance(length, int) else None,
        }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    ask(
        {
            "engine": "onnxruntime-genai",
            "version": onnxruntime_genai.__version__,
            "libraries": {"transformers": transformers.__version__},
            "defaults": {
                "do_sample": False,
                "temperature": 1.0,
                "top_k": 50,
                "top_p": 1.0,
                "repetition_penalty": 1.0,
                "num_beams": 1,
            },
        },
        answer,
    )
