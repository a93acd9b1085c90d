"""Generates with llama.cpp: its own converter makes a GGUF of each checkpoint, and its own server answers
from that.

Converter and library are those of ``ask/ask_llama_cpp.py``. The converter knows a pre-tokenizer by the hash
of what it makes of a probe, and no toy's is among them: the hash alone is filled in.
"""

import logging
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import transformers
import xllamacpp
from generating import LIMIT, MESSAGES, generate

sys.path.append(str(Path(__file__).parent.parent / "ask"))

from ask_llama_cpp import COMMIT, TextModel, convert_hf_to_gguf


def convert(folder: Path, file: Path) -> None:
    """Make the GGUF; the converter is a script that ends its process where it gives up."""
    sys.argv = ["convert_hf_to_gguf.py", "--outtype", "f32", "--outfile", str(file), str(folder)]
    try:
        convert_hf_to_gguf.main()
    except SystemExit as error:
        if error.code:
            raise ValueError(f"the converter ended with {error.code}") from error


def answer(folder: Path) -> tuple[str, int]:
    """How the answer of one checkpoint ends."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "model.gguf")
        convert(folder, file)
        settings = xllamacpp.CommonParams()
        settings.model.path = str(file)
        settings.port = 0  # any
        settings.n_parallel = 1
        settings.verbosity = -1
        server = xllamacpp.Server(settings)
        reply = server.handle_chat_completions({"messages": [*MESSAGES], "max_tokens": LIMIT})
        if "choices" not in reply:
            raise ValueError(str(reply))
        return reply["choices"][0]["finish_reason"], reply["usage"]["completion_tokens"]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    TextModel.get_vocab_base_pre = lambda *_: "gpt-2"
    generate(
        {
            "engine": "llama.cpp",
            "version": COMMIT,
            "libraries": {"transformers": transformers.__version__, "xllamacpp": version("xllamacpp")},
        },
        answer,
    )
