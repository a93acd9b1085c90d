"""The bytes of a plan file as a plan. Everything in them is hostile until it is checked.

Done in two steps: `decode` believes nothing and needs nothing but the bytes; `assemble` puts the new bytes
together, with the folder the plan is for and, for large files, with the base or the adapter.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from pydantic import ValidationError

from genfix.engines import EngineView
from genfix.engines.shared.view import Effect, Problem, TemplateSource
from genfix.errors import InputError, stale
from genfix.folder import Folder, FolderFileError, Origin, input_digest, is_safe_name
from genfix.json_types import JsonValue, Missing
from genfix.jsontext.json_diff import same_json
from genfix.jsontext.json_read import JsonError, read_json_object
from genfix.language import remembered
from genfix.message import Message, text
from genfix.planner.document import (
    Base64,
    ChangeDocument,
    FindingDocument,
    FromSource,
    MessageDocument,
    PlanDocument,
    SourceDocument,
    Splice,
    Utf8,
    ViewDocument,
)
from genfix.planner.plan import FileChange, Plan, Source, action_of
from genfix.planner.saving import LARGEST, VERSION, canonical_id, edits_of
from genfix.rules import Applicability, Finding, Fix, Severity, Witness

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Fetch: TypeAlias = Callable[[Witness, str], bytes]
"""The bytes of a file of the base or the adapter."""

_MOST_FILES: Final = 1000
_EFFECTS: Final[Mapping[str, Effect]] = {"engine-cannot": Effect.NO_START, "engine-fails": Effect.NO_ANSWER}
_AGAIN: Final = text("make the plan again")


def decode(content: bytes) -> PlanDocument:
    """What the bytes of a plan file say.

    Raises `InputError` where they are not as `genfix.planner.saving` makes them.
    """
    if len(content) > LARGEST:
        raise InputError(
            "the plan file has more than the {largest:.3g} MiB that one can have",
            _AGAIN,
            largest=LARGEST / 2**20,
        )
    try:
        value = read_json_object(content)
    except JsonError as error:
        raise InputError("the plan file cannot be read: {error}", _AGAIN, error=error.message) from error
    version = value.get("genfix_plan")
    if type(version) is not int:
        raise InputError("this is no plan of genfix", "`genfix plan DIR -o plan.json` makes one")
    if version != VERSION:
        raise InputError(
            "the plan file has format {version}, and this genfix knows format {version2}",
            "apply it with the version of genfix that made it, or make the plan again",
            version=version,
            version2=VERSION,
        )
    try:
        document = PlanDocument.model_validate(value)
    except (ValidationError, RecursionError) as error:
        raise _refused(_first(error) if isinstance(error, ValidationError) else text("too deep")) from error
    _check_id(document, value)
    _check_names(document)
    for change in document.changes:
        _check_change(change, document)
    return document


def assemble(document: PlanDocument, target: Folder, fetch: Fetch) -> Plan:
    """The plan that a document is, for ``target``.

    Where ``target`` is already as the plan makes it, the plan has no changes. Raises `ChangedError` where a
    file of ``target`` is neither as it was nor all are as they shall be, `InputError` where bytes are not
    what they are said to be.
    """
    done = _is_done(document, target)
    changes = () if done else tuple(_change(change, target, fetch) for change in document.changes)
    inputs: dict[str, str | None] = {**document.inputs, **dict.fromkeys(document.absent)}
    if done:
        inputs |= {change.file: change.after_sha256 for change in document.changes}
    for name, digest in inputs.items():
        if digest_in(target, name) != digest:
            raise stale(name)
    sources = {Witness.BASE: document.base, Witness.ADAPTER: document.adapter}
    return Plan(
        target=str(target.origin),
        base=None,
        findings=tuple(map(_finding, document.remaining if done else document.findings)),
        changes=changes,
        remaining=tuple(map(_finding, document.remaining)),
        inputs=inputs,
        views_before={
            item.engine: _view(item.engine, item.after if done else item.before) for item in document.engines
        },
        views_after={item.engine: _view(item.engine, item.after) for item in document.engines},
        base_views={item.engine: _view(item.engine, item.base) for item in document.engines if item.base},
        sources={
            witness: Source(Origin(source.kind, source.name, source.revision), source.inputs)
            for witness, source in sources.items()
            if source is not None
        },
        known=tuple(map(_finding, document.known)),
    )


def _refused(why: Message) -> InputError:
    return InputError("the plan file is not as genfix writes it: {why}", _AGAIN, why=why)


def _first(error: ValidationError) -> Message:
    detail: ErrorDetails = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = "/".join(str(part) for part in detail["loc"])
    shown = place if len(place) <= 100 else place[:99] + "…"
    # By its kind: pydantic's own sentences are English, and speak of its types.
    match detail["type"]:
        case "missing":
            return text("{place} is missing", place=shown)
        case "extra_forbidden":
            return text("{place} is nothing that a plan has", place=shown)
        case _:
            return text("{place} has a value that it cannot have", place=shown)


def _check_id(document: PlanDocument, value: Mapping[str, JsonValue]) -> None:
    try:
        own = canonical_id(value)
    except ValueError as error:
        raise _refused(text("it has a number that JSON has not")) from error
    if document.id != own:
        raise InputError(
            "the plan file was changed since genfix wrote it: its id is not that of its content", _AGAIN
        )


def _check_names(document: PlanDocument) -> None:
    names = [change.file for change in document.changes]
    if len(names) > _MOST_FILES or len(set(names)) != len(names):
        raise _refused(text("it changes a file twice, or too many"))
    sources = [source.inputs for source in (document.base, document.adapter) if source is not None]
    for name in (
        *names,
        *document.inputs,
        *document.absent,
        *(name for source in sources for name in source),
    ):
        if not is_safe_name(name):
            raise _refused(text("the file name '{name}' could leave its folder", name=name))
    engines = [item.engine for item in document.engines]
    if len(set(engines)) != len(engines):
        raise _refused(text("it has an engine twice"))
    if not set(document.absent).isdisjoint(document.inputs):
        raise _refused(text("a file is there and is not"))


def _check_change(change: ChangeDocument, document: PlanDocument) -> None:
    name = change.file
    if change.before_sha256 != document.inputs.get(name, "") and not (
        change.before_sha256 is None and name in document.absent
    ):
        raise _refused(text("{name} is changed, and not among what the plan rests on", name=name))
    if change.before_sha256 == change.after_sha256:
        raise _refused(text("{name} is not changed", name=name))
    if change.action != action_of(change.before_sha256, change.after_sha256):
        raise _refused(text("{name} has the wrong action", name=name))
    if (change.content is None) is not (change.after_sha256 is None):
        raise _refused(text("{name} has no content", name=name))
    if change.source is not None:
        _check_source(change, document.base if change.source == "base" else document.adapter)
    elif isinstance(change.content, FromSource) or name.endswith(".py"):
        # Code is never edited: it comes from a model the user named, or not at all.
        raise _refused(text("{name} has no source", name=name))
    if isinstance(change.content, Utf8 | Base64):
        _check_bytes(change, _carried(change.content, name))


def _check_source(change: ChangeDocument, source: SourceDocument | None) -> None:
    if source is None:
        raise _refused(
            text("{file} is from a {source} that the plan has not", file=change.file, source=change.source)
        )
    if source.inputs.get(change.file, change.after_sha256) != change.after_sha256:
        raise _refused(text("{file} is not the file of the {source}", file=change.file, source=change.source))


def _check_bytes(change: ChangeDocument, content: bytes) -> None:
    if not _is_stated(change, content):
        raise _refused(
            text("the new bytes of {file} do not have the digest they should have", file=change.file)
        )


def _is_stated(change: ChangeDocument, content: bytes) -> bool:
    return len(content) == change.size and hashlib.sha256(content).hexdigest() == change.after_sha256


def _carried(content: Utf8 | Base64 | Splice, name: str) -> bytes:
    if isinstance(content, Utf8):
        return content.text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(content.data, validate=True)
    except ValueError as error:
        raise _refused(text("the new bytes of {name} are not in base64", name=name)) from error


def _is_done(document: PlanDocument, target: Folder) -> bool:
    """Whether all changes of the plan are there already: it was applied, and nothing happened since."""
    return bool(document.changes) and all(
        digest_in(target, change.file) == change.after_sha256 for change in document.changes
    )


def digest_in(folder: Folder, name: str) -> str | None:
    """The digest of a file; `None` where it is absent, empty where it is none that can be read."""
    if name not in folder.names():
        return None
    try:
        return input_digest(folder, name)
    except FolderFileError:
        return ""


def _change(change: ChangeDocument, target: Folder, fetch: Fetch) -> FileChange:
    name = change.file
    if digest_in(target, name) != change.before_sha256:
        raise stale(name)
    before = target.read(name) if change.before_sha256 is not None else None
    after = _after(change, before or b"", fetch)
    stated: JsonValue = (
        None if change.edits is None else [edit.model_dump(exclude_unset=True) for edit in change.edits]
    )
    if not same_json(edits_of(name, before, after), stated):
        raise _refused(text("the edits it tells of {name} are not those it makes", name=name))
    source = Witness(change.source) if change.source is not None else None
    return FileChange(name, before, after, source, tuple(change.codes))


def _after(change: ChangeDocument, before: bytes, fetch: Fetch) -> bytes | None:
    match change.content:
        case None:
            return None
        case Utf8() | Base64():
            return _carried(change.content, change.file)
        case Splice(start=start, end=end):
            if not start <= end <= len(before):
                raise _refused(text("the new bytes of {file} have no place in it", file=change.file))
            after = before[:start] + _carried(change.content, change.file) + before[end:]
            _check_bytes(change, after)
            return after
        case FromSource():
            after = fetch(Witness(change.source or ""), change.file)
            if not _is_stated(change, after):
                raise InputError(
                    "{file} of the {source} is not the one the plan was made with",
                    "name the right {source} with --{source}, or make the plan again",
                    file=change.file,
                    source=change.source,
                )
            return after


def _finding(document: FindingDocument) -> Finding:
    there, fix = document.model_fields_set, document.fix
    return Finding(
        code=document.code,
        name=document.name,
        severity=Severity(document.severity),
        file=document.file,
        message=_message(document.message),
        witness=Witness(document.witness),
        pointer=document.pointer,
        current=document.current if "current" in there else Missing.MISSING,
        expected=document.expected if "expected" in there else Missing.MISSING,
        evidence=_messages(document.evidence),
        engines=tuple(document.engines),
        fix=Fix(Applicability(fix.applicability), _message(fix.why)) if fix is not None else None,
    )


def _view(engine: str, document: ViewDocument) -> EngineView:
    template = document.chat_template
    return EngineView(
        engine=engine,
        version=document.version,
        stop_token_ids=tuple(document.stop_token_ids),
        sampling=document.sampling,
        chat_template=TemplateSource(template.source, template.sha256) if template is not None else None,
        context_length=document.context_length,
        problems=tuple(map(_problem, document.problems)),
        trace=_messages(document.trace),
        stop_strings=tuple(document.stop_strings),
    )


def _problem(document: MessageDocument) -> Problem:
    """Ids of problems start with what comes of them: a plan file says it nowhere else."""
    effect = next(
        (effect for start, effect in _EFFECTS.items() if document.id.startswith(start)), Effect.UNCERTAIN
    )
    return Problem(_message(document), effect)


def _messages(documents: Iterable[MessageDocument]) -> tuple[Message, ...]:
    return tuple(map(_message, documents))


def _message(document: MessageDocument) -> Message:
    return remembered(document.id, document.args)
