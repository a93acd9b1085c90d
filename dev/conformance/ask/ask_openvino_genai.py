"""Asks OpenVINO GenAI: the generation config and the tokenizer that ``LLMPipeline`` makes of a folder.

A folder of this engine holds the exported ``openvino_tokenizer.xml`` too. What the exporter writes into it
(EOS and chat template) comes before every other file, so a tokenizer that has neither is converted here and
copied beside the files: what is asked is their order. A folder without any vocabulary gets none, as nothing
could be exported of it.
"""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import openvino
import openvino_genai
from asking import ask, brief, digest
from openvino_tokenizers import convert_tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

SAMPLING = (
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "num_beams",
    "num_beam_groups",
    "num_return_sequences",
    "diversity_penalty",
    "length_penalty",
    "no_repeat_ngram_size",
    "max_length",
    "max_new_tokens",
    "min_new_tokens",
)
VOCABULARIES = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"), ("vocab.txt",))
UNSET = -1


def convert(folder: Path) -> list[Path]:
    """Make the files of an exported tokenizer that names no EOS and has no chat template."""
    letters = {letter: index for index, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    plain = Tokenizer(models.BPE(vocab={**letters, "QZ": len(letters)}, merges=[("Q", "Z")]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.add_special_tokens(["<|x|>"])
    made = convert_tokenizer(PreTrainedTokenizerFast(tokenizer_object=plain))
    openvino.save_model(made, folder / "openvino_tokenizer.xml")
    return [*folder.iterdir()]


def settings(config: Any) -> dict[str, Any]:
    """The sampling settings; a number of single precision as the shortest that means it."""
    taken = {key: getattr(config, key) for key in SAMPLING}
    return {key: float(f"{value:.7g}") if isinstance(value, float) else value for key, value in taken.items()}


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of OpenVINO GenAI tells."""
    if any(all((folder / name).exists() for name in names) for names in VOCABULARIES):
        for file in CONVERTED:
            shutil.copy(file, folder)
    tokenizer = openvino_genai.Tokenizer(folder)
    tokenizer.encode("x")  # without a tokenizer, the first request is what fails
    path = folder / "generation_config.json"
    config = openvino_genai.GenerationConfig(path) if path.exists() else openvino_genai.GenerationConfig()
    if config.eos_token_id == UNSET:  # as every pipeline does
        config.set_eos_token_id(tokenizer.get_eos_token_id() % 2**64)
    fails = None
    try:
        config.validate()
    except Exception as error:
        fails = brief(error)
    told = {
        "fails": fails,
        "stops": sorted(config.stop_token_ids),
        "stop_strings": sorted(config.stop_strings),
        "sampling": settings(config),
        "tokenizer_eos": tokenizer.get_eos_token_id(),
    }
    with suppress(UnicodeDecodeError):  # Python cannot be told of the bytes that the engine has then
        told["template"] = digest(tokenizer.get_original_chat_template() or None)
    return told


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        CONVERTED = convert(Path(place))
        ask(
            {
                "engine": "openvino-genai",
                "version": openvino_genai.__version__.split("-")[0],
                "libraries": {"openvino": openvino.__version__.split("-")[0]},
                "defaults": settings(openvino_genai.GenerationConfig()),
            },
            answer,
        )
