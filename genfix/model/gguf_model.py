"""A GGUF as a model: its tokens, its chat template and its tensors, as facts of the same form as a folder's.

Token types are llama.cpp's (b11312, include/llama.h ``llama_token_type``).
"""

import re
from collections.abc import Mapping
from enum import IntEnum
from functools import cached_property
from typing import Final

from genfix.folder.folder import Folder
from genfix.gguf import Header, read_header
from genfix.json_types import JsonObject, JsonValue
from genfix.model.chat_template import ChatTemplate
from genfix.model.model import Model
from genfix.model.safetensors import Tensor
from genfix.model.tokenizer import AddedToken, TokenTable
from genfix.model.turn_ends import TemplateFailure, TurnEnds, find_turn_ends
from genfix.model.weight_facts import WeightFacts
from genfix.model.weights import Weights

TEMPLATE_KEY: Final = "tokenizer.chat_template"
TOKENS_KEY: Final = "tokenizer.ggml.tokens"
TYPES_KEY: Final = "tokenizer.ggml.token_type"
ADD_BOS: Final = "tokenizer.ggml.add_bos_token"
_EMBEDDING: Final = "token_embd.weight"
_BLOCK: Final = re.compile(r"blk\.(\d{1,3})\.")
_NAMES: Final[Mapping[str, str]] = {
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "unk_token": "unknown_token_id",
    "sep_token": "seperator_token_id",
    "pad_token": "padding_token_id",
    "mask_token": "mask_token_id",
}
"""What tokenizers call the tokens, and GGUF (gguf-py, constants.py) their ids."""


class TokenType(IntEnum):
    """What a token is to llama.cpp."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


_ADDED: Final = frozenset([TokenType.CONTROL, TokenType.USER_DEFINED])
"""Types of tokens that were added to a vocabulary; a prompt has them, and `TokenType.UNKNOWN`, whole."""


class GgufModel(Model):
    """Lazy facts of one GGUF; of a split one, those of its first part."""

    def __init__(self, folder: Folder, name: str, header: Header | None = None) -> None:
        """Raises `GgufError` where the file is none; ``header`` is that of a file that is planned."""
        super().__init__(folder)
        self.name = name
        self.header = header or read_header(folder, name)

    @property
    def architecture(self) -> str:
        """The name under which the model's sizes stand."""
        return str(self.header.value("general.architecture") or "")

    def size(self, key: str) -> int | None:
        """A size of the model such as ``block_count``; `None` where it is not there, or no number."""
        found = self.header.value(f"{self.architecture}.{key}")
        return found if type(found) is int else None

    def special_id(self, kind: str) -> int | None:
        """The id that the file names as ``eos``, ``eot`` and so on; `None` where it names none that is a
        token.
        """
        found = self.header.value(id_key(kind))
        return found if type(found) is int and 0 <= found < len(self.token_texts) else None

    @property
    def parts(self) -> int:
        """Of how many files this is the first."""
        count = self.header.value("split.count")
        return count if type(count) is int and count > 1 else 1

    @cached_property
    def token_texts(self) -> tuple[str, ...]:
        """The texts of all tokens, by id."""
        return self.header.texts(TOKENS_KEY) or ()

    @cached_property
    def all_ids(self) -> Mapping[str, int]:
        """The ids of all tokens, by text."""
        return {text: token_id for token_id, text in enumerate(self.token_texts)}

    @cached_property
    def token_types(self) -> list[JsonValue]:
        """The types of all tokens, as far as the file tells them."""
        entry = self.header.value(TYPES_KEY)
        return entry if isinstance(entry, list) else []

    @cached_property
    def tokenizer(self) -> TokenTable:
        """The tokens that are found whole in a prompt: a folder's added tokens."""
        texts = {
            token_id: self.token_texts[token_id]
            for token_id, kind in enumerate(self.token_types[: len(self.token_texts)])
            if kind in _ADDED
        }
        tokens = {
            text: AddedToken(token_id, special=self.token_types[token_id] == TokenType.CONTROL)
            for token_id, text in texts.items()
        }
        ids = {text: token.id for text, token in tokens.items()}
        return TokenTable(tokens, ids, texts, self._named(), None)

    def _named(self) -> Mapping[str, str]:
        found = {name: self.header.value(f"tokenizer.ggml.{key}") for name, key in _NAMES.items()}
        return {
            name: self.token_texts[token_id]
            for name, token_id in found.items()
            if type(token_id) is int and 0 <= token_id < len(self.token_texts)
        }

    @cached_property
    def template_places(self) -> tuple[ChatTemplate, ...]:
        """The one place of a chat template."""
        text = self.header.value(TEMPLATE_KEY)
        return (ChatTemplate(text, self.name, f"/{TEMPLATE_KEY}"),) if isinstance(text, str) else ()

    @cached_property
    def turn_ends(self) -> TurnEnds | TemplateFailure | None:
        """How the chat template ends an assistant turn; a token counts as one, whatever its type."""
        if self.chat_template is None or not self.cut_tokens:
            return self._ends_by_type
        return find_turn_ends(self.chat_template.text, {*self.tokenizer.ids, *self.cut_tokens})

    @cached_property
    def cut_tokens(self) -> tuple[str, ...]:
        """Tokens that the chat template writes and a prompt has in pieces, since their type says so."""
        found = self._ends_by_type
        written = found.unknown_literals if isinstance(found, TurnEnds) else ()
        return tuple(
            text
            for text in written
            if text in self.all_ids and self._type_of(self.all_ids[text]) != TokenType.UNKNOWN
        )

    def _type_of(self, token_id: int) -> JsonValue:
        return self.token_types[token_id] if token_id < len(self.token_types) else None

    @cached_property
    def _ends_by_type(self) -> TurnEnds | TemplateFailure | None:
        template = self.chat_template
        return find_turn_ends(template.text, self.tokenizer.ids.keys()) if template is not None else None

    @property
    def end_ids(self) -> Mapping[str, int]:
        """The template's turn ends that are one token here, with their ids."""
        ends = self.turn_ends
        texts = ends.tokens if isinstance(ends, TurnEnds) else ()
        return {text: self.all_ids[text] for text in texts if text in self.all_ids}

    @property
    def vocabularies(self) -> tuple[str, ...]:
        """The file itself."""
        return (self.name,)

    def in_vocabulary(self, text: str) -> bool:
        """Whether ``text`` is a token of any type."""
        return text in self.all_ids

    @cached_property
    def config(self) -> JsonObject:
        """The sizes under the names of config.json: what a base is proven by."""
        sizes = {
            "hidden_size": self.size("embedding_length"),
            "max_position_embeddings": self.size("context_length"),
            "vocab_size": len(self.token_texts) or None,
        }
        return {key: value for key, value in sizes.items() if value is not None}

    @cached_property
    def weights(self) -> Weights:
        """Tensor names and shapes."""
        return _GgufWeights(self.folder, self.name, self.header)


class _GgufWeights(Weights):
    """The tensors that a GGUF lists."""

    def __init__(self, folder: Folder, name: str, header: Header) -> None:
        super().__init__(folder)
        self._name = name
        self._header = header

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """By name; shapes have the slowest dimension first, as everywhere else."""
        return {
            name: Tensor(str(tensor.type), tensor.shape[::-1], self._name, tensor.offset, tensor.size or 0)
            for name, tensor in self._header.tensors.items()
        }

    @property
    def has_tensors(self) -> bool:
        """Whether the file lists any."""
        return bool(self._header.tensors)

    @cached_property
    def facts(self) -> WeightFacts:
        """Layers and the rows of the embedding."""
        found = {int(match[1]) for name in self.tensors if (match := _BLOCK.match(name))}
        gaps = tuple(sorted({*range(max(found, default=-1) + 1)} - found))
        embedding = self.tensors.get(_EMBEDDING)
        rows = embedding.shape[0] if embedding is not None and embedding.shape else None
        return WeightFacts(
            embedding=_EMBEDDING if embedding is not None else None,
            embedding_rows=rows,
            layers=len(found) if found and not gaps else None,
            gaps=gaps,
        )


def id_key(kind: str) -> str:
    """The key of the id of a token: ``eos``, ``eot``, ``eom`` and so on."""
    return f"tokenizer.ggml.{kind}_token_id"
