"""Which files of weights each engine looks for, by their names.

Read in transformers 5.24.0 and 4.57.6 (modeling_utils.py, ``_get_resolved_checkpoint_files``), vLLM 0.32.0
(model_loader/default_loader.py, ``_prepare_weights``), SGLang 0.5.23 (srt/model_loader/loader.py, the same),
LMDeploy 0.18.0 (turbomind/checkpoint.py; pytorch/weight_loader/model_weight_loader.py), MLX-LM 0.32.2
(utils.py, ``load_model``) and llama.cpp (conversion/base.py, ``index_tensors``). A GGUF is given to vLLM and
SGLang by its own path, and not as part of a folder: what they read of a folder is said here.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from genfix.engines.shared.view import Problem
from genfix.folder.kinds import FileKind, kind_of
from genfix.message import message
from genfix.model import Model

_TRANSFORMERS: Final = (
    *("model.safetensors", "model.safetensors.index.json"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json"),
)
_ANY: Final = ("*.safetensors", "*.bin", "*.pt")
_FORMATS: Final[Mapping[str, Sequence[str]]] = {
    "transformers5": _TRANSFORMERS,
    "transformers4": _TRANSFORMERS,
    "vllm": _ANY,
    "sglang": _ANY,
    "lmdeploy": _ANY,
    "llama.cpp": ("model*.safetensors", "pytorch_model*.bin", "*.gguf"),
    "mlx-lm": ("model*.safetensors",),
    "mlx-vlm": ("*.safetensors",),
    "onnxruntime-genai": _TRANSFORMERS,
    "mistral.rs": ("*.safetensors", "*.pth", "*.pt", "*.bin"),
    "exllamav3": ("*.safetensors",),
    **dict.fromkeys(("ollama", "dynamo", "tgi", "tensorrt-llm", "xllm"), ("*.safetensors", "*.bin")),
    "openvino-genai": ("openvino_*.xml", *_TRANSFORMERS),
}
"""By engine, names in one folder; of OpenVINO's also what its exporter reads."""
_GRAPH: Final = "openvino_"
_NO_WEIGHTS: Final = frozenset(
    [
        *("training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "scaler.pt"),
        *("random_states.pt", "trainer_state.bin"),
    ]
)
"""Files of trainers, which loaders leave out (``filter_files_not_needed_for_inference``)."""


def weight_problems(model: Model, engine: str) -> Iterator[Problem]:
    """Why ``engine`` finds no weights in a folder that has some; a folder of config files only has no such
    problem.
    """
    there, formats = weight_files(model), _FORMATS[engine]
    if there and not any(_is_read(name, formats) for name in there):
        yield Problem(
            message(
                "engine-cannot-find-weights",
                "it reads {formats}, and the weights here are in {files}",
                formats=[*formats],
                files=[*there[:3]],
            )
        )


def _is_read(name: str, formats: Sequence[str]) -> bool:
    if name.startswith(_GRAPH) and formats is not _FORMATS["openvino-genai"]:
        return False  # the numbers of a graph, whatever their file ends with
    return any(fnmatchcase(name, pattern) for pattern in formats)


def weight_files(model: Model) -> tuple[str, ...]:
    """Files of weights and their indexes, in whatever format, of the model itself; sorted."""
    return tuple(sorted(name for name in model.folder.names() if _is_weights(name)))


def _is_weights(name: str) -> bool:
    kind = kind_of(name)
    if kind is FileKind.GGUF:
        return True
    if "/" in name:  # checkpoints of a trainer, modules of an embedding model; exports have folders of theirs
        return name.startswith(("onnx/", "openvino/")) and kind is FileKind.WEIGHTS
    if kind is FileKind.WEIGHTS_INDEX or name.startswith(_GRAPH):
        return True
    is_state = name in _NO_WEIGHTS or name.startswith(("rng_state", "random_states"))
    return kind is FileKind.WEIGHTS and not is_state
