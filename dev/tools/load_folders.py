# ruff: noqa: B009, BLE001, RUF001, SLF001 - it asks libraries it is not installed with, of all versions
"""Loads model folders with the transformers beside it and writes down what came of it; dev/tools/loads.py
runs it.

``python -m dev.tools.load_folders JOBS RESULT``: JOBS is a JSON list of
``{"name", "path", "code", "processor"}``, RESULT a JSON object with the reader's ``version`` and, by name, an
``errors`` and a ``facts`` object per folder. Needs transformers, and for the weights torch; nothing of
genfix, whose dependencies a reader need not have.
"""

import importlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple, TypedDict

__all__ = ["Job", "Loaded", "Result", "main"]

SAMPLE: Final = "The quick brown fox, 42 times.\n天地玄黄，宇宙洪荒。"
CHAT: Final = (
    {"role": "user", "content": "Who are you?"},
    {"role": "assistant", "content": "我是一个模型。"},
    {"role": "user", "content": "And how old?"},
)
SAMPLING: Final = (
    "do_sample",
    "temperature",
    "top_p",
    "top_k",
    "repetition_penalty",
    "max_length",
    "max_new_tokens",
)
SETTINGS: Final = (
    "padding_side",
    "truncation_side",
    "pad_token",
    "bos_token",
    "unk_token",
    "model_max_length",
)
IDS: Final = tuple(range(3, 43))
"""What the model is asked: long enough for a wrong rotation to show, and without special tokens."""


class Job(TypedDict):
    """One folder to load."""

    name: str
    path: str
    code: bool
    """Whether its own code may run."""
    processor: bool
    """Whether it should have a processor."""


class Loaded(TypedDict):
    """What came of one folder."""

    errors: dict[str, str]
    """By part (``config``, ``tokenizer``, ...): why it does not load."""
    facts: dict[str, object]
    """What the loaded parts say, as JSON values."""


class Result(TypedDict):
    """What came of all of them."""

    version: str
    folders: dict[str, Loaded]


class WeightsError(Exception):
    """The weights and the model built from config.json do not belong together."""


class Reader(NamedTuple):
    """The libraries of this interpreter."""

    transformers: ModuleType
    torch: ModuleType | None


class _Folder:
    """Loads the parts of one folder, one by one; a part that fails leaves the others alone."""

    def __init__(self, reader: Reader, job: Job) -> None:
        self._reader = reader
        self._job = job
        self.errors: dict[str, str] = {}
        self.facts: dict[str, object] = {}

    def load(self) -> Loaded:
        parts: dict[str, Callable[[], None]] = {
            "config": self._config,
            "tokenizer": self._tokenizer,
            "generation": self._generation,
        }
        if self._job["processor"]:
            parts["processor"] = self._processor
        if self._reader.torch is not None:
            parts["model"] = self._model
        for part, run in parts.items():
            self._try(part, run)
        return {"errors": self.errors, "facts": self.facts}

    def _try(self, part: str, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception as error:
            text = " ".join(
                str(error)
                .replace(self._job["path"], "FOLDER")
                .replace(Path(self._job["path"]).name, "FOLDER")
                .split()
            )
            self.errors[part] = f"{type(error).__name__}: {text}"

    def _config(self) -> None:
        config = self._reader.transformers.AutoConfig.from_pretrained(
            self._job["path"], trust_remote_code=self._job["code"]
        )
        self.facts["config"] = type(config).__name__

    def _tokenizer(self) -> None:
        tokenizer = self._reader.transformers.AutoTokenizer.from_pretrained(
            self._job["path"], trust_remote_code=self._job["code"]
        )
        self.facts["ids"] = tokenizer(SAMPLE)["input_ids"]
        self.facts["eos token"] = tokenizer.eos_token_id
        self.facts["settings"] = {name: getattr(tokenizer, name, None) for name in SETTINGS} | {
            "special ids": sorted(set(tokenizer.all_special_ids))
        }

        def template() -> None:
            text = tokenizer.apply_chat_template(list(CHAT), tokenize=False, add_generation_prompt=True)
            self.facts["template"] = text
            self.facts["chat ids"] = tokenizer(text, add_special_tokens=False)["input_ids"]

        self._try("template", template)

    def _generation(self) -> None:
        transformers = self._reader.transformers
        if (Path(self._job["path"]) / "generation_config.json").is_file():
            generation = transformers.GenerationConfig.from_pretrained(self._job["path"])
        else:
            config = transformers.AutoConfig.from_pretrained(
                self._job["path"], trust_remote_code=self._job["code"]
            )
            generation = transformers.GenerationConfig.from_model_config(config)
        eos = generation.eos_token_id
        self.facts["eos"] = sorted(set(eos)) if isinstance(eos, list) else eos
        self.facts["sampling"] = {name: getattr(generation, name, None) for name in SAMPLING}

    def _processor(self) -> None:
        processor = self._reader.transformers.AutoProcessor.from_pretrained(
            self._job["path"], trust_remote_code=self._job["code"]
        )
        if not hasattr(processor, "image_processor"):
            raise TypeError(f"a {type(processor).__name__}, which reads no images")
        image = importlib.import_module("PIL.Image").new("RGB", (64, 48), (200, 100, 50))
        tensors = "np" if self._reader.torch is None else "pt"
        seen = processor.image_processor(images=[image], return_tensors=tensors)
        self.facts["image"] = {
            name: [list(value.shape), round(float(value.max()), 4)] for name, value in seen.items()
        }

    def _model(self) -> None:
        torch = self._reader.torch
        if torch is None:
            return
        path, code = self._job["path"], self._job["code"]
        transformers = self._reader.transformers
        config = transformers.AutoConfig.from_pretrained(path, trust_remote_code=code)
        images = transformers.AutoModelForImageTextToText
        auto = images if type(config) in images._model_mapping else transformers.AutoModelForCausalLM
        # Before 4.56 only this spelling is known, from 5 on only the other one for sure.
        precision = {"torch_dtype" if transformers.__version__.startswith("4.") else "dtype": torch.float32}
        model, info = auto.from_pretrained(
            path, trust_remote_code=code, output_loading_info=True, **precision
        )
        self.facts["rope"] = dict(_rotations(model.named_modules(), model.named_buffers())) or None
        for kind in ("missing_keys", "mismatched_keys", "unexpected_keys"):
            if info[kind]:
                raise WeightsError(f"{kind}: {min(map(str, info[kind]))} and {len(info[kind]) - 1} more")
        with torch.no_grad():
            logits = model.eval()(input_ids=torch.tensor([IDS])).logits[0, -1]
        self.facts["answer"] = [round(value, 5) for value in logits.tolist()]


def _rotations(
    modules: Iterator[tuple[str, object]], buffers: Iterator[tuple[str, object]]
) -> Iterator[tuple[str, object]]:
    """The rotation of each position as the built model really uses it."""
    for name, buffer in buffers:
        if name.endswith("inv_freq") and not name.endswith("original_inv_freq"):
            yield name, [round(value, 9) for value in getattr(buffer, "tolist")()]
    for name, module in modules:
        scale = getattr(module, "attention_scaling", None)
        if isinstance(scale, int | float):
            yield f"{name}.attention_scaling", round(scale, 6)


def _torch() -> ModuleType | None:
    try:
        return importlib.import_module("torch")
    except ImportError:
        return None


def _image_libraries() -> Iterator[str]:
    """What processors need; without them no processor loads, the base's neither."""
    for name in ("torchvision", "pillow"):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"no {name}"


def main() -> int:
    """Load all; the exit code."""
    warnings.simplefilter("ignore")
    jobs: list[Job] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    reader = Reader(importlib.import_module("transformers"), _torch())
    reader.transformers.logging.set_verbosity(50)
    folders: dict[str, Loaded] = {}
    for job in jobs:
        print(job["name"], file=sys.stderr, flush=True)
        folders[job["name"]] = _Folder(reader, job).load()
    torch = f"torch {reader.torch.__version__}" if reader.torch is not None else "no torch"
    versions = ", ".join([f"transformers {reader.transformers.__version__}", torch, *_image_libraries()])
    Path(sys.argv[2]).write_text(json.dumps({"version": versions, "folders": folders}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
