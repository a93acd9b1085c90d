"""What a plan file says, as types that check it: nothing else may be in one, and nothing may be missing.

The published schema, ``genfix/planner/schemas/plan-file.schema.json``, is made from these types.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

_Digest: TypeAlias = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
_Word: TypeAlias = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9._+-]{1,100}$")]
"""A name that genfix gives: of a rule, an engine, a message, a version."""
_Code: TypeAlias = Annotated[str, StringConstraints(pattern="^GF[0-9]{3}$")]
_Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
_Path: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
_Whole: TypeAlias = Annotated[int, Field(ge=0)]
_Witness: TypeAlias = Literal["base", "adapter", "weights", "tokenizer", "chat_template", "folder", "engine"]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Places(_Strict):
    """Where the folders lay, seen from the plan file; no part of the plan's id."""

    target: _Path | None
    base: _Path | None
    adapter: _Path | None


class SourceDocument(_Strict):
    """A base or an adapter."""

    kind: Literal["local", "hub", "modelscope"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    revision: Annotated[str, StringConstraints(max_length=255)] | None
    inputs: dict[_Name, _Digest]


class MessageDocument(_Strict):
    """A sentence by its id, and what fills its blanks: in no language yet."""

    id: _Word
    args: dict[str, JsonValue]


class FixDocument(_Strict):
    """Whether and why a finding can be fixed."""

    applicability: Literal["safe", "unsafe", "manual"]
    why: MessageDocument


class FindingDocument(_Strict):
    """One thing that is wrong; ``current`` and ``expected`` are absent where there is no value."""

    code: _Code
    name: _Word
    severity: Literal["error", "warning", "info"]
    file: str
    pointer: str | None
    message: MessageDocument
    current: JsonValue = None
    expected: JsonValue = None
    witness: _Witness
    evidence: list[MessageDocument]
    engines: list[_Word]
    fix: FixDocument | None


class EditDocument(_Strict):
    """One value that changes; ``before`` or ``after`` is absent where there is none."""

    pointer: str
    before: JsonValue = None
    after: JsonValue = None


class Utf8(_Strict):
    """The new bytes, as text."""

    encoding: Literal["utf-8"]
    text: str


class Base64(_Strict):
    """The new bytes."""

    encoding: Literal["base64"]
    data: str


class Splice(_Strict):
    """A large file with the bytes from ``start`` to ``end`` replaced."""

    encoding: Literal["splice"]
    start: _Whole
    end: _Whole
    data: str
    """In base64."""


class FromSource(_Strict):
    """A large file of the base or the adapter: fetched when the plan is applied."""

    encoding: Literal["source"]


Content: TypeAlias = Annotated[Utf8 | Base64 | Splice | FromSource, Field(discriminator="encoding")]


class ChangeDocument(_Strict):
    """The change of one file."""

    file: _Name
    action: Literal["create", "rewrite", "quarantine"]
    codes: list[_Code]
    source: Literal["base", "adapter"] | None
    before_sha256: _Digest | None
    after_sha256: _Digest | None
    size: _Whole
    edits: list[EditDocument] | None
    """Value by value; null where that says nothing: no JSON, a new file, a large one."""
    content: Content | None


class TemplateDocument(_Strict):
    """The chat template an engine takes."""

    source: str
    sha256: _Digest


class ViewDocument(_Strict):
    """What one engine does with a folder."""

    version: _Word
    stop_token_ids: list[int]
    stop_strings: list[str]
    sampling: dict[str, JsonValue]
    chat_template: TemplateDocument | None
    context_length: int | None
    problems: list[MessageDocument]
    trace: list[MessageDocument]


class EngineDocument(_Strict):
    """One engine with the folder as it is, as it will be, and with the base."""

    engine: _Word
    before: ViewDocument
    after: ViewDocument
    base: ViewDocument | None


class PlanDocument(_Strict):
    """A plan of genfix: exactly what `genfix apply` writes, why, and what it rests on."""

    genfix_plan: Literal[1]
    genfix: _Word
    """The version that made it."""
    id: _Digest
    """SHA-256 of all the rest but ``places``, as JSON with sorted keys, without spaces, in ASCII."""
    places: Places
    base: SourceDocument | None
    adapter: SourceDocument | None
    inputs: dict[_Name, _Digest]
    """Digests of the files the plan rests on: SHA-256; of weights, of size and header."""
    absent: list[_Name]
    """Files that must not be there."""
    changes: list[ChangeDocument]
    findings: list[FindingDocument]
    remaining: list[FindingDocument]
    known: list[FindingDocument]
    engines: list[EngineDocument]
