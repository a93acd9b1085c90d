"""Asks llama.cpp: its own converter makes a vocabulary-only GGUF of each folder, and its own library opens
that.

The converter is the one in the source archive of llama-cpp-python (no wheel has it), which pip puts beside
this interpreter; the library is the one inside xllamacpp. The tokenizers of the folders are toys: the hash
that names a known pre-tokenizer and the list of merges, neither of which is metadata, are filled in.
"""

import ctypes
import logging
import sys
import tarfile
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import transformers
import xllamacpp
from asking import ask, digest

ARCHIVE = "llama_cpp_python-0.3.36"
COMMIT = "b11312"
"""The tag of llama.cpp in that archive, by its CHANGELOG.md and the names of the releases."""
PARTS = ("convert_hf_to_gguf.py", "conversion", "gguf-py")
VOCABULARY_ONLY = 72
"""Where this flag lies in ``struct llama_model_params``."""


def source() -> Path:
    """The converter, unpacked once."""
    place = Path(sys.prefix, "llama.cpp")
    if not place.is_dir():
        inside = f"{ARCHIVE}/vendor/llama.cpp/"
        with tarfile.open(Path(sys.prefix, f"{ARCHIVE}.tar.gz")) as archive:
            members = [
                member.replace(name=member.name.removeprefix(inside), deep=False)
                for member in archive
                if member.name.startswith(tuple(inside + part for part in PARTS))
            ]
            unpacked = tempfile.mkdtemp(dir=sys.prefix)
            archive.extractall(unpacked, members, filter="data")
            with suppress(OSError):  # another process was first
                Path(unpacked).rename(place)
    return place


sys.path[:0] = [str(source()), str(source() / "gguf-py")]

import convert_hf_to_gguf  # noqa: E402
import gguf  # noqa: E402
from conversion.base import TextModel  # noqa: E402


class Parameters(ctypes.Structure):
    """``struct llama_model_params``, of which one flag is set; more than it is long."""

    _fields_ = (("raw", ctypes.c_ubyte * 256),)


class Library:
    """What xllamacpp brings along of llama.h."""

    def __init__(self) -> None:
        (file,) = Path(xllamacpp.__file__).parent.glob("*.so")
        self.c = ctypes.CDLL(str(file))
        self.c.llama_model_default_params.restype = Parameters
        self.c.llama_model_load_from_file.argtypes = (ctypes.c_char_p, Parameters)
        for name in ("llama_model_load_from_file", "llama_model_get_vocab"):
            getattr(self.c, name).restype = ctypes.c_void_p
        self.c.llama_model_chat_template.restype = ctypes.c_char_p
        self.c.llama_vocab_is_eog.restype = ctypes.c_bool
        self.silent = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
        self.c.llama_log_set(self.silent, None)

    def open(self, path: Path) -> tuple[list[int], str | None]:
        """The ids at which the runtime ends, and its chat template."""
        parameters = self.c.llama_model_default_params()
        parameters.raw[VOCABULARY_ONLY] = 1
        model = self.c.llama_model_load_from_file(str(path).encode(), parameters)
        if not model:
            raise ValueError(path.name)
        try:
            vocabulary = ctypes.c_void_p(self.c.llama_model_get_vocab(ctypes.c_void_p(model)))
            count = self.c.llama_vocab_n_tokens(vocabulary)
            ends = [number for number in range(count) if self.c.llama_vocab_is_eog(vocabulary, number)]
            template = self.c.llama_model_chat_template(ctypes.c_void_p(model), None)
            return ends, None if template is None else template.decode()
        finally:
            self.c.llama_model_free(ctypes.c_void_p(model))


def with_a_merge(load: Any) -> Any:
    """``SpecialVocab``'s loader, with a merge where there is none."""

    def loaded(vocabulary: Any, path: Path) -> None:
        load(vocabulary, path)
        if vocabulary.load_merges and not vocabulary.merges:
            vocabulary.merges = ["a b"]

    return loaded


def value(reader: gguf.GGUFReader, key: str) -> Any:
    """One value of a GGUF."""
    field = reader.get_field(key)
    return None if field is None else field.contents()


def sampling(reader: gguf.GGUFReader) -> dict[str, Any]:
    """The sampling settings, by the names they have in generation_config.json."""
    names = {"temp": "temperature", "penalty_repeat": "repetition_penalty"}
    start = "general.sampling."
    found = {}
    for key in reader.fields:
        if key.startswith(start):
            name = key.removeprefix(start)
            number = value(reader, key)
            found[names.get(name, name)] = float(f"{number:.7g}") if isinstance(number, float) else number
    return found


def answer(folder: Path) -> dict[str, Any]:
    """All that the view of llama.cpp tells."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "vocabulary.gguf")
        sys.argv = ["convert_hf_to_gguf.py", "--vocab-only", "--outfile", str(file), str(folder)]
        try:
            convert_hf_to_gguf.main()
        except SystemExit as error:
            raise ValueError(f"ended with {error.code}") from error
        reader = gguf.GGUFReader(file)
        ends, template = LIBRARY.open(file)
        architecture = value(reader, "general.architecture")
        return {
            "stops": ends,
            "sampling": sampling(reader),
            "template": digest(template),
            "context": value(reader, f"{architecture}.context_length"),
            "tokenizer_eos": value(reader, "tokenizer.ggml.eos_token_id"),
        }


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    LIBRARY = Library()
    TextModel.get_vocab_base_pre = lambda *_: "gpt-2"
    gguf.SpecialVocab._load = with_a_merge(gguf.SpecialVocab._load)
    ask(
        {
            "engine": "llama.cpp",
            "version": COMMIT,
            "libraries": {"transformers": transformers.__version__, "xllamacpp": version("xllamacpp")},
        },
        answer,
    )
