"""Generates with OpenVINO GenAI: ``LLMPipeline`` on a CPU, with the sampling and stops it takes from the
folder.

Optimum Intel exports the first checkpoint of each architecture, as users do; for the others, whose weights
are the same, the metadata beside the exported model are swapped. The exported tokenizer keeps its EOS, which
comes before every file: a checkpoint whose tokenizer names another is not given to the engine. The
environment variable ``EXPORTER`` names an interpreter that has optimum-intel and nncf, where this one has
not.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import openvino
import openvino_genai
from generating import LIMIT, MESSAGES, generate

EXPORTER = os.environ.get("EXPORTER", sys.executable)
NOT_RUN = "-"
COMPILED = "openvino_*"
"""Model, tokenizer and detokenizer."""
WEIGHTS = "*.safetensors"
ENDS = {
    openvino_genai.GenerationFinishReason.STOP: "stop",
    openvino_genai.GenerationFinishReason.LENGTH: "length",
}


def read(folder: Path, name: str) -> Any:
    """One JSON file."""
    return json.loads((folder / name).read_bytes())


def exporter_version() -> str:
    """Which Optimum Intel exports."""
    told = [EXPORTER, "-c", "from importlib.metadata import version; print(version('optimum-intel'))"]
    return subprocess.run(told, check=True, capture_output=True, text=True).stdout.strip()


class Exports:
    """What the exporter makes of a checkpoint, once for each architecture."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.made: dict[str, tuple[Path, str]] = {}

    def like(self, folder: Path) -> tuple[Path, str]:
        """The exported model of ``folder``'s architecture, and the EOS text its tokenizer has."""
        kind = read(folder, "config.json")["model_type"]
        if kind not in self.made:
            out = self.place / kind
            command = [EXPORTER, "-m", "optimum.commands.optimum_cli", "export", "openvino", "-m", folder]
            task = ["--task", "text-generation-with-past", "--weight-format", "fp32", out]
            subprocess.run(
                [*command, *task], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            self.made[kind] = out, read(folder, "tokenizer_config.json")["eos_token"]
        return self.made[kind]


def answer(folder: Path) -> tuple[str, int]:
    """How the answer of one checkpoint ends."""
    exported, eos = EXPORTS.like(folder)
    if read(folder, "tokenizer_config.json")["eos_token"] not in {eos, None}:
        return NOT_RUN, 0
    with tempfile.TemporaryDirectory() as place:
        for file in exported.glob(COMPILED):
            shutil.copy(file, place)
        shutil.copytree(folder, place, ignore=shutil.ignore_patterns(WEIGHTS), dirs_exist_ok=True)
        pipeline = openvino_genai.LLMPipeline(place, "CPU")
        reply = pipeline.generate(openvino_genai.ChatHistory([*MESSAGES]), max_new_tokens=LIMIT)
        return ENDS[reply.finish_reasons[0]], reply.perf_metrics.get_num_generated_tokens()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as exports:
        EXPORTS = Exports(Path(exports))
        generate(
            {
                "engine": "openvino-genai",
                "version": openvino_genai.__version__.split("-")[0],
                "libraries": {
                    "openvino": openvino.__version__.split("-")[0],
                    "optimum-intel": exporter_version(),
                },
            },
            answer,
        )
