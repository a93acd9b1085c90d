"""A model folder as facts: each is read when first asked for, and once."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Final, NamedTuple

from genfix.folder.folder import Folder, FolderFileError
from genfix.folder.kinds import (
    CONFIG,
    FAST_TOKENIZER,
    GENERATION_CONFIG,
    TEKKEN,
    TOKENIZER_CONFIG,
    WELL_KNOWN_TOKENIZER_FILES,
    FileKind,
    is_vocabulary,
    kind_of,
)
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_read import (
    JsonError,
    JsonProblem,
    JsonProblemKind,
    decoded,
    parsed,
    read_json_object,
)
from genfix.message import Message
from genfix.model.base_change import BaseChange
from genfix.model.chat_template import JINJA_FILE, ChatTemplate, template_copies
from genfix.model.remembered import Remembered, known_ends, known_head
from genfix.model.tekken import Tekken, read_tekken
from genfix.model.tokenizer import TokenTable, read_token_table
from genfix.model.turn_ends import TemplateFailure, TurnEnds
from genfix.model.weight_sets import declared
from genfix.model.weights import Weights

TEXT_PARTS: Final = ("text_config", "llm_config", "language_config")
"""Keys under which a composite config.json has the language model's part, in the order of preference."""

_SENTENCEPIECE: Final = "tokenizer.model"
_NOTHING: Final[JsonObject] = {}


class JsonFile(NamedTuple):
    """A JSON file as engines see it: absent, an object, or something they cannot read."""

    name: str
    present: bool
    value: JsonObject | None = None
    """The object; `None` where the file is absent or cannot be read."""
    problem: JsonProblem | FolderFileError | None = None
    """What is wrong with it; a file with a duplicate key has both a problem and a value, as engines see it.
    """

    @property
    def unreadable(self) -> bool:
        """Present, but not a JSON object that an engine can read."""
        return self.present and self.value is None


class TextFile(NamedTuple):
    """A UTF-8 text file: absent, its text, or the reason why it cannot be read."""

    text: str | None = None
    problem: FolderFileError | UnicodeDecodeError | None = None


class Model:
    """Lazy facts of one `Folder`."""

    is_named: bool = True
    """Whether the user named this folder, and so trusts its code; a hint of another folder is no such trust.
    """

    is_found: bool = False
    """Of a base: whether neither the user nor the folder names it, and a search found it."""

    sibling: Message | None = None
    """Of a base: what says that another model was the base, which this one is a sibling of."""

    changes: tuple[BaseChange, ...] = ()
    """Of a base: what was changed in it since the revision that the merged folder follows."""

    def __init__(
        self, folder: Folder, *, before: "Model | None" = None, remembered: Remembered | None = None
    ) -> None:
        """``before`` is the same folder before a change: what did not change is not worked out again.

        ``remembered`` is what other folders may have in common with this one.
        """
        self.folder = folder
        self.remembered: Remembered = before.remembered if before is not None else remembered or Remembered()
        self._before = before
        self._json: dict[str, JsonFile] = {}

    def has(self, name: str) -> bool:
        """Whether the folder lists a file called ``name``."""
        return name in self.folder.names()

    def json(self, name: str) -> JsonFile:
        """The JSON file called ``name``, read once."""
        if name not in self._json:
            self._json[name] = self._read_json(name)
        return self._json[name]

    def _read_json(self, name: str) -> JsonFile:
        if not self.has(name):
            return JsonFile(name, present=False)
        try:
            content = self.folder.read(name)
        except FolderFileError as error:
            return JsonFile(name, present=True, problem=error)
        try:
            return JsonFile(name, present=True, value=read_json_object(content))
        except JsonError as error:
            value = None
            if error.problem.kind is JsonProblemKind.DUPLICATE_KEY:
                # Python readers, and so most engines, take the last of the two.
                loose = parsed(decoded(content), unique_keys=False)
                value = loose if isinstance(loose, dict) else None
            return JsonFile(name, present=True, value=value, problem=error.problem)

    def object(self, name: str) -> JsonObject:
        """The object in the JSON file called ``name``; empty where it is absent or unreadable."""
        return self.json(name).value or _NOTHING

    def keys(self, name: str) -> tuple[str, ...]:
        """The top-level keys of the JSON file called ``name``, in file order."""
        return tuple(self.object(name))

    @property
    def config(self) -> JsonObject:
        """``config.json``, or an empty object."""
        return self.object(CONFIG)

    @property
    def generation_config(self) -> JsonFile:
        """``generation_config.json``."""
        return self.json(GENERATION_CONFIG)

    @property
    def tokenizer_config(self) -> JsonObject:
        """``tokenizer_config.json``, or an empty object."""
        return self.object(TOKENIZER_CONFIG)

    def config_value(self, key: str) -> JsonValue:
        """A value of ``config.json``: at the top or, where it is absent there, of the language model's own
        part.

        transformers moved the text fields of vision-language configs under ``text_config`` (4.52 and later).
        """
        if self.config.get(key) is not None:
            return self.config[key]
        return self.text_config.get(key)

    def config_pointer(self, key: str) -> str | None:
        """Where `config_value` finds ``key``, as a JSON pointer; `None` where it is nowhere."""
        if self.config.get(key) is not None:
            return f"/{key}"
        return f"/{self.text_key}/{key}" if self.text_config.get(key) is not None else None

    @cached_property
    def text_key(self) -> str | None:
        """Under which key a composite ``config.json`` has the language model's part; `None` in a
        plain one.
        """
        return next((name for name in TEXT_PARTS if isinstance(self.config.get(name), dict)), None)

    @property
    def model_type(self) -> str:
        """``model_type`` of config.json; empty where that is no text."""
        kind = self.config.get("model_type")
        return kind if isinstance(kind, str) else ""

    @property
    def text_config(self) -> JsonObject:
        """The language model's part of a composite ``config.json``; empty where there is none."""
        part = self.config.get(self.text_key) if self.text_key is not None else None
        return part if isinstance(part, dict) else _NOTHING

    @cached_property
    def tokenizer(self) -> TokenTable:
        """Added and special tokens."""
        return read_token_table(
            self.tokenizer_head,
            self.tokenizer_config,
            self.object("added_tokens.json"),
            self.object("special_tokens_map.json"),
            self._pieces(),
        )

    @cached_property
    def tekken(self) -> Tekken | None:
        """Mistral's own vocabulary; `None` where it is absent or cannot be read."""
        return read_tekken(self.folder)

    def _pieces(self) -> Mapping[str, int]:
        """Control symbols of a vocabulary of Mistral's or SentencePiece's, where nothing else tells ids.

        A tokenizer with code of its own may number its tokens as it likes (ChatGLM3): its ids are not
        guessed.
        """
        if self.has(FAST_TOKENIZER) or "auto_map" in self.tokenizer_config:
            return {}
        if self.has(TEKKEN) or not self.has(_SENTENCEPIECE):
            return self.tekken.tokens if self.tekken is not None else {}
        from genfix.model.sentencepiece import special_pieces  # noqa: PLC0415 - few folders need it

        try:
            return special_pieces(self.folder.read(_SENTENCEPIECE))
        except FolderFileError:
            return {}

    @cached_property
    def tokenizer_head(self) -> JsonObject:
        """``tokenizer.json`` without its vocabulary; empty where it is absent or cannot be read."""
        return known_head(self.folder, self.remembered)

    @cached_property
    def tokenizer_files(self) -> tuple[str, ...]:
        """The tokenizer's files: its vocabulary in each of its forms, its config, its lists of tokens."""
        found = {name for name in self.folder.names() if kind_of(name) is FileKind.TOKENIZER}
        first = [name for name in WELL_KNOWN_TOKENIZER_FILES if name in found]
        return (*first, *sorted(found.difference(first)))

    @cached_property
    def vocabularies(self) -> tuple[str, ...]:
        """Files that hold the tokenizer's vocabulary, tokenizer.json first; lists of added tokens do not."""
        return tuple(name for name in self.tokenizer_files if name == FAST_TOKENIZER or is_vocabulary(name))

    def in_vocabulary(self, text: str) -> bool:
        """Whether ``text`` stands in a vocabulary file as it is, so that it may be one ordinary token.

        A search for its bytes, quoted where the file is JSON: a hit proves nothing, a miss does.
        """
        in_json = (json.dumps(text, ensure_ascii=False), json.dumps(text))
        for name in self.vocabularies:
            try:
                content = self.folder.read(name)
            except FolderFileError:
                return True  # nobody knows
            forms = in_json if name.endswith("json") else (text,)
            if any(form.encode("utf-8", "surrogatepass") in content for form in forms):
                return True
        return False

    @cached_property
    def tokenizer_problem(self) -> JsonProblem | FolderFileError | None:
        """What is wrong with ``tokenizer.json``, where it is there.

        A file whose head parses and whose last byte closes it is taken to be whole: 10 MB of vocabulary are
        not parsed to find out.
        """
        if not self.has(FAST_TOKENIZER):
            return None
        try:
            size = self.folder.stat(FAST_TOKENIZER).size
            tail = self.folder.read_range(FAST_TOKENIZER, max(0, size - 64), 64)
            if self.tokenizer_head and tail.rstrip().endswith(b"}"):
                return None
            read_json_object(self.folder.read(FAST_TOKENIZER))
        except JsonError as error:
            return error.problem
        except FolderFileError as error:
            return error
        return None

    @cached_property
    def jinja(self) -> TextFile:
        """``chat_template.jinja``."""
        if not self.has(JINJA_FILE):
            return TextFile()
        try:
            return TextFile(self.folder.read(JINJA_FILE).decode("utf-8"))
        except (FolderFileError, UnicodeDecodeError) as error:
            return TextFile(problem=error)

    @cached_property
    def template_copies(self) -> tuple[ChatTemplate, ...]:
        """All copies of the default chat template that say anything, the one transformers reads first."""
        return tuple(copy for copy in self.template_places if copy.text.strip())

    @cached_property
    def template_places(self) -> tuple[ChatTemplate, ...]:
        """As engines find them: `template_copies`, and those without a word."""
        return template_copies(
            self.jinja.text,
            self.tokenizer_config,
            self.object("chat_template.json"),
            self.object("processor_config.json"),
        )

    def copies_of(self, template: ChatTemplate) -> tuple[ChatTemplate, ...]:
        """Those of `template_copies` that are this text; empty where it is another model's."""
        return tuple(copy for copy in self.template_copies if copy.same_text(template))

    @property
    def chat_template(self) -> ChatTemplate | None:
        """The chat template transformers' tokenizer (or, without one, its processor) uses."""
        return self.template_copies[0] if self.template_copies else None

    @cached_property
    def turn_ends(self) -> TurnEnds | TemplateFailure | None:
        """How the chat template ends an assistant turn; `None` without a template."""
        template = self.chat_template
        if template is None:
            return None
        if self._before is not None and self._is_rendered_as(self._before):
            return self._before.turn_ends
        added, additional = self.tokenizer.ids.keys(), self.tokenizer.additional or ()
        return known_ends(template.text, added, additional, self.remembered)

    def _is_rendered_as(self, before: "Model") -> bool:
        """Whether ``before`` has all that `turn_ends` depends on as it is here."""
        own, other = self.chat_template, before.chat_template
        ours, theirs = self.tokenizer, before.tokenizer
        is_same_text = own is not None and other is not None and own.text == other.text
        return is_same_text and ours.additional == theirs.additional and ours.ids.keys() == theirs.ids.keys()

    @property
    def end_ids(self) -> Mapping[str, int]:
        """The template's turn ends that are one token here, with their ids; empty where it has none
        to tell.
        """
        ends = self.turn_ends
        if not isinstance(ends, TurnEnds):
            return {}
        ids = self.tokenizer.ids
        return {token: ids[token] for token in ends.tokens if token in ids}

    @cached_property
    def weights(self) -> Weights:
        """Tensor names and shapes."""
        before = self._before.weights if self._before is not None else None
        return Weights(self.folder, declared(self.config, self.text_config), before)

    @property
    def vocab_rows(self) -> int | None:
        """How many token ids the model can take: rows of the embedding, else what ``config.json`` says."""
        return self.weights.embedding_rows or self.rows_by_config

    @property
    def rows_by_config(self) -> int | None:
        """The rows of the embedding as ``config.json`` tells them."""
        rows = map(self.config_value, ("vocab_size", "padded_vocab_size"))
        return next((count for count in rows if type(count) is int), None)
