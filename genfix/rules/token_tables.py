"""GF3xx: added tokens, their ids and flags, and how text is cut before the vocabulary sees it.

Who is right: the adapter, whose tokenizer is the trained one; then merged. A token that was added, or that took
the place of a reserved one, is a training choice. A token of the base that is gone or has moved, although the
embedding has the base's rows, is damage.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from genfix.folder import FolderFileError, OverlayFolder, same_file
from genfix.folder.kinds import TOKENIZER_CONFIG, TOKENIZER_FILES
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, message
from genfix.model import Model, TokenTable, TurnEnds
from genfix.model.chat_template import JINJA_FILE
from genfix.model.tokenizer import AddedToken, read_token_table
from genfix.rules.context import Context
from genfix.rules.finding import (
    Applicability,
    CopyField,
    Finding,
    Fix,
    Operation,
    RestoreFile,
    SetField,
    Severity,
    Witness,
    WriteFile,
)
from genfix.rules.restoring import rows_differ
from genfix.rules.rule import Rule, RuleDoc

__all__ = ["RULES"]

_FAST: Final = "tokenizer.json"
_SPECIAL_MAP: Final = "special_tokens_map.json"
_ADDED: Final = "added_tokens.json"
_DECODER: Final = "added_tokens_decoder"
_SHOWN: Final = 5


def _table_file(model: Model) -> str:
    """The file that tells the ids of added tokens first."""
    return _FAST if model.has(_FAST) else TOKENIZER_CONFIG


def _shown(tokens: list[str]) -> list[JsonValue]:
    return [*tokens[:_SHOWN]]


# -- the trained tokenizer -------------------------------------------------------------------------------------


def _not_the_trained_one(context: Context, rule: Rule) -> Iterator[Finding]:
    adapter, merged = context.adapter, context.merged
    if adapter is None or not adapter.tokenizer.is_known or not merged.tokenizer.is_known:
        return
    lost = _lacking(merged.tokenizer, adapter.tokenizer)
    if lost:
        yield rule.finding(
            _table_file(adapter),
            message("tokenizer-not-trained", tokens=_shown([*lost])),
            witness=Witness.ADAPTER,
            evidence=[_of_base(context)] if _is_base_table(context) else [],
            engines=tuple(context.views),
            fix=_trained_tokenizer(context, adapter, lost),
        )
    yield from _not_the_trained_eos(context, adapter, rule)


def _lacking(ours: TokenTable, theirs: TokenTable) -> dict[str, int]:
    """Tokens, with their ids, of ``theirs`` that ``ours`` lacks or has under another id."""
    return {text: token_id for text, token_id in theirs.ids.items() if ours.ids.get(text) != token_id}


def _is_base_table(context: Context) -> bool:
    return context.base is not None and context.base.tokenizer.ids == context.merged.tokenizer.ids


def _of_base(context: Context) -> Message:
    base = str(context.base.folder.origin) if context.base is not None else ""
    return message("evidence-tokens-of-base", base=base)


def _trained_tokenizer(context: Context, adapter: Model, lost: Mapping[str, int]) -> Fix:
    merged, base = context.merged, context.base
    rows = merged.vocab_rows
    if rows is not None and max(lost.values()) >= rows:
        return Fix(Applicability.MANUAL, message("why-embedding-too-small", rows=rows, id=max(lost.values())))
    names = [name for name in TOKENIZER_FILES if adapter.has(name) and not _same(merged, adapter, name)]
    if not _cleared_by(merged, adapter, names):
        return Fix(Applicability.MANUAL, message("why-tokenizers-mixed"))
    template, template_lost = _trained_template(context, adapter, names)
    operations = (*(RestoreFile(name, Witness.ADAPTER) for name in names), *template)
    known = base.tokenizer.ids if base is not None else {}
    trained = adapter.tokenizer.ids
    strangers = [
        text
        for text, token_id in merged.tokenizer.ids.items()
        if token_id not in (trained.get(text), known.get(text))
    ]
    if strangers:
        return Fix(
            Applicability.UNSAFE, message("why-tokens-of-nobody", tokens=_shown(strangers)), operations
        )
    if rows is None:
        return Fix(Applicability.UNSAFE, message("why-rows-unknown"), operations)
    if template_lost:
        return Fix(Applicability.UNSAFE, message("why-template-other"), operations)
    return Fix(Applicability.SAFE, message("why-trained-tokenizer", rows=rows), operations)


def _same(merged: Model, adapter: Model, name: str) -> bool:
    try:
        return merged.has(name) and same_file(merged.folder, adapter.folder, name)
    except FolderFileError:
        return False


def _cleared_by(merged: Model, adapter: Model, names: list[str]) -> bool:
    """Whether merged has all tokens of the adapter once these files are the adapter's."""
    try:
        files = {name: adapter.folder.read(name) for name in names}
    except FolderFileError:
        return False
    return not _lacking(Model(OverlayFolder(merged.folder, files)).tokenizer, adapter.tokenizer)


def _trained_template(
    context: Context, adapter: Model, names: list[str]
) -> tuple[tuple[Operation, ...], bool]:
    """What keeps the chat template right under the adapter's tokenizer_config.json, and whether it replaces another.

    The template may stand in that file or in one of its own, and either way in either folder.
    """
    own, trained = context.merged.chat_template, adapter.chat_template
    if TOKENIZER_CONFIG not in names:
        return (), False
    if trained is None:
        if own is None or own.file != TOKENIZER_CONFIG:
            return (), False
        value = context.merged.tokenizer_config["chat_template"]
        return (SetField(TOKENIZER_CONFIG, "/chat_template", value),), False
    replaces = own is not None and not own.same_text(trained)
    is_own = replaces and context.base is not None and not context.template_equal
    if adapter.has(JINJA_FILE):
        same = _same(context.merged, adapter, JINJA_FILE)
        return () if same else (RestoreFile(JINJA_FILE, Witness.ADAPTER),), is_own
    if context.merged.has(JINJA_FILE) and replaces:
        return (WriteFile(JINJA_FILE, trained.text.encode()),), is_own
    return (), is_own


def _not_the_trained_eos(context: Context, adapter: Model, rule: Rule) -> Iterator[Finding]:
    merged, base = context.merged, context.base
    if base is None or merged.json(TOKENIZER_CONFIG).value is None:
        return
    ours, trained = merged.tokenizer.eos_token, adapter.tokenizer.eos_token
    if trained is None or trained == ours or ours != base.tokenizer.eos_token:
        return
    token_id = adapter.tokenizer.ids.get(trained)
    if token_id is None or merged.tokenizer.ids.get(trained) != token_id:
        return  # the tokenizer has to be put right first
    if ours in merged.end_ids:
        return  # it ends the turns of the template that is here
    deaf = tuple(name for name, view in context.views.items() if token_id not in view.stop_token_ids)
    maps = (_SPECIAL_MAP,) if merged.object(_SPECIAL_MAP).get("eos_token") is not None else ()
    yield rule.finding(
        TOKENIZER_CONFIG,
        message("eos-not-trained", ours=ours, trained=trained),
        severity=Severity.ERROR if deaf else Severity.WARNING,
        witness=Witness.ADAPTER,
        pointer="/eos_token",
        current=merged.tokenizer_config.get("eos_token"),
        expected=trained,
        engines=deaf,
        fix=Fix(
            Applicability.SAFE,
            message("why-eos-trained"),
            tuple(
                SetField(file, "/eos_token", trained, adapter.keys(file))
                for file in (TOKENIZER_CONFIG, *maps)
            ),
        ),
    )


# -- the base's tokens -----------------------------------------------------------------------------------------


def _added_token_changed(context: Context, rule: Rule) -> Iterator[Finding]:
    base, merged = context.base, context.merged
    if base is None or not merged.tokenizer.is_known or not base.tokenizer.is_known:
        return
    if merged.vocab_rows is None or merged.vocab_rows != base.vocab_rows:
        return
    if any(context.lost_from_base(name) for name in (_FAST, TOKENIZER_CONFIG)) or _unreadable(merged):
        return  # the file is put right first
    if context.lost_from_base(_ADDED) and not merged.has(_FAST) and _DECODER not in merged.tokenizer_config:
        return
    changed = _changed_tokens(context, merged.tokenizer, base.tokenizer)
    if not changed:
        return
    used = _used_texts(context, base)
    harmed = [text for text in changed if text in used]
    fix = _base_tokens_back(context, base)
    yield rule.finding(
        _table_file(merged),
        message("added-token-changed", tokens=_shown([*harmed, *(t for t in changed if t not in harmed)])),
        severity=Severity.ERROR if harmed else Severity.WARNING,
        witness=Witness.BASE,
        evidence=[
            message("evidence-token-id", token=text, base=base.tokenizer.ids[text], merged=own)
            if (own := merged.tokenizer.ids.get(text)) is not None
            else message("evidence-token-gone", token=text, base=base.tokenizer.ids[text])
            for text in changed[:_SHOWN]
        ],
        engines=tuple(context.views) if harmed else (),
        fix=fix,
    )


def _unreadable(model: Model) -> bool:
    if model.tokenizer_problem is not None:
        return True
    return any(model.json(name).unreadable for name in (TOKENIZER_CONFIG, _SPECIAL_MAP, _ADDED))


def _changed_tokens(context: Context, ours: TokenTable, theirs: TokenTable) -> list[str]:
    """Tokens of the base that are gone or have moved, and neither renamed nor trained so."""
    adapter = context.adapter.tokenizer if context.adapter is not None else None
    changed: list[str] = []
    for text, token_id in _lacking(ours, theirs).items():
        own = ours.ids.get(text)
        if own is None and ours.text(token_id) is not None:
            continue  # another token has taken its place: ChatML on reserved tokens
        if adapter is not None and adapter.is_known and adapter.ids.get(text) in (own, token_id):
            continue  # trained so, or said against the adapter already
        changed.append(text)
    return changed


def _used_texts(context: Context, base: Model) -> frozenset[str]:
    """What the chat template writes, and the tokens that end a text."""
    ends = base.turn_ends if context.template_equal else context.merged.turn_ends
    named = (base.tokenizer.eos_token, context.merged.tokenizer.eos_token)
    written = (*ends.literals, *ends.unknown_literals) if isinstance(ends, TurnEnds) else ()
    return frozenset(written) | {name for name in named if name is not None}


def _base_tokens_back(context: Context, base: Model) -> Fix:
    """The base's token tables over merged's, where that loses no token of merged's."""
    merged = context.merged
    added = [text for text in merged.tokenizer.ids if text not in base.tokenizer.ids]
    if added:
        return Fix(Applicability.MANUAL, message("why-tokens-added", tokens=_shown(added)))
    operations, table = _with_base_tables(context, base)
    if not operations or _lacking(table, base.tokenizer):
        return Fix(Applicability.MANUAL, message("why-no-token-table"))
    return Fix(Applicability.UNSAFE, message("why-token-table-of-base"), operations)


def _with_base_tables(context: Context, base: Model) -> tuple[tuple[Operation, ...], TokenTable]:
    """Operations that give every file that tells ids what the base's tells, and the table that follows."""
    merged = context.merged
    operations: list[Operation] = []
    head, config, added = merged.tokenizer_head, merged.tokenizer_config, merged.object(_ADDED)
    if merged.has(_FAST) and base.has(_FAST) and not context.same_as_base(_FAST):
        operations.append(RestoreFile(_FAST))
        head = base.tokenizer_head
    decoder = base.tokenizer_config.get(_DECODER)
    if decoder is not None and config.get(_DECODER) not in (None, decoder):
        operations.append(CopyField(TOKENIZER_CONFIG, f"/{_DECODER}"))
        config = {**config, _DECODER: decoder}
    if merged.has(_ADDED) and base.has(_ADDED) and added != base.object(_ADDED):
        operations.append(RestoreFile(_ADDED))
        added = base.object(_ADDED)
    return tuple(operations), read_token_table(head, config, added, merged.object(_SPECIAL_MAP), {})


# -- flags -----------------------------------------------------------------------------------------------------

_FLAGS: Final = ("special", "lstrip", "rstrip", "normalized", "single_word")


def _flags_changed(context: Context, rule: Rule) -> Iterator[Finding]:
    base, merged = context.base, context.merged
    if base is None or merged.has(_FAST) != base.has(_FAST):
        return  # slow and fast tokenizers spell flags that make no difference to them
    changed = _changed_flags(context, merged.tokenizer, base)
    if not changed:
        return
    serious = any(flag in ("lstrip", "rstrip", "normalized") for _, flag in changed) or any(
        flag == "special" and text in merged.end_ids for text, flag in changed
    )
    yield rule.finding(
        _table_file(merged),
        message("token-flags-changed", tokens=_shown(list(dict.fromkeys(text for text, _ in changed)))),
        severity=Severity.WARNING if serious else Severity.INFO,
        witness=Witness.BASE,
        evidence=[
            message("evidence-token-flag", token=text, flag=flag, base=theirs, merged=ours)
            for (text, flag), (theirs, ours) in list(changed.items())[:_SHOWN]
        ],
        fix=_base_flags_back(context, base),
    )


def _changed_flags(
    context: Context, ours: TokenTable, base: Model
) -> dict[tuple[str, str], tuple[bool, bool]]:
    """By token and flag: the base's value and merged's, where both tell it and it matters."""
    normalizes = _canonical(context.merged.tokenizer_head.get("normalizer")) is not None
    changed: dict[tuple[str, str], tuple[bool, bool]] = {}
    for text, theirs in base.tokenizer.tokens.items():
        own = ours.tokens.get(text)
        if own is None or own.id != theirs.id or own == theirs:
            continue
        for flag in _FLAGS:
            was, now = _flag(theirs, flag), _flag(own, flag)
            if was is None or now is None or was == now or (flag == "normalized" and not normalizes):
                continue
            if not _says_so_too(base, theirs, flag, now) and not _trained_so(context, text, own, flag):
                changed[text, flag] = (was, now)
    return changed


def _flag(token: AddedToken, name: str) -> bool | None:
    value: bool | None = getattr(token, name)
    return value


def _says_so_too(base: Model, token: AddedToken, flag: str, value: bool) -> bool:  # noqa: FBT001 - it is the value
    """Whether another file of the base has that flag: a re-save may settle on either."""
    decoder = base.tokenizer_config.get(_DECODER)
    entry = decoder.get(str(token.id)) if isinstance(decoder, dict) else None
    return isinstance(entry, dict) and entry.get(flag) is value


def _trained_so(context: Context, text: str, own: AddedToken, flag: str) -> bool:
    trained = context.adapter.tokenizer.tokens.get(text) if context.adapter is not None else None
    return trained is not None and trained.id == own.id and _flag(trained, flag) == _flag(own, flag)


def _base_flags_back(context: Context, base: Model) -> Fix:
    added = [*_lacking(base.tokenizer, context.merged.tokenizer)]
    if added:
        return Fix(Applicability.MANUAL, message("why-tokens-added", tokens=_shown(added)))
    operations, table = _with_base_tables(context, base)
    if not operations or _changed_flags(context, table, base):
        return Fix(Applicability.MANUAL, message("why-no-token-table"))
    return Fix(Applicability.UNSAFE, message("why-token-table-of-base"), operations)


# -- the list of special tokens --------------------------------------------------------------------------------

_SPELLINGS: Final = ("additional_special_tokens", "extra_special_tokens")


def _list_shrunk(context: Context, rule: Rule) -> Iterator[Finding]:
    base, merged = context.base, context.merged
    if base is None or not base.tokenizer.additional or merged.json(TOKENIZER_CONFIG).value is None:
        return
    own, table = merged.tokenizer.additional, merged.tokenizer
    named = {*table.named.values()}
    lost = [text for text in base.tokenizer.additional if text not in (own or ()) and text in table.ids]
    lost = [text for text in lost if text not in named]  # special under its own name
    if not lost or (own is None and _special_without_list(merged, lost)):
        return
    wanted: list[JsonValue] = [*dict.fromkeys([*base.tokenizer.additional, *(own or ())])]
    places = _list_places(merged) or [(TOKENIZER_CONFIG, _base_spelling(base))]
    file, key = places[0]
    yield rule.finding(
        file,
        message("special-list-shrunk", tokens=_shown(lost), count=len(lost)),
        witness=Witness.BASE,
        pointer=f"/{_base_spelling(base)}",  # the same finding after the list was renamed
        current=merged.object(file).get(key),
        expected=wanted,
        fix=Fix(
            Applicability.UNSAFE,
            message("why-special-list"),
            tuple(SetField(name, f"/{spelling}", wanted, base.keys(name)) for name, spelling in places),
        ),
    )


def _special_without_list(merged: Model, lost: list[str]) -> bool:
    """Whether transformers 5 wrote the folder: it takes special tokens from tokenizer.json, with a list or without."""
    config = merged.tokenizer_config
    newer = "backend" in config or config.get("tokenizer_class") == "TokenizersBackend"
    return newer and all(merged.tokenizer.tokens[text].special for text in lost)


def _list_places(merged: Model) -> list[tuple[str, str]]:
    """Where merged has the list, the place that is read first in front."""
    return [
        (file, key)
        for file in (TOKENIZER_CONFIG, _SPECIAL_MAP)
        for key in _SPELLINGS
        if isinstance(merged.object(file).get(key), list)
    ]


def _base_spelling(base: Model) -> str:
    spelled = isinstance(base.tokenizer_config.get(_SPELLINGS[1]), list)
    return _SPELLINGS[1] if spelled else _SPELLINGS[0]


# -- normalizer and pre-tokenizer ------------------------------------------------------------------------------

_CUTTERS: Final = ("normalizer", "pre_tokenizer")
_DEFAULTS: Final[Mapping[str, JsonObject]] = {
    "ByteLevel": {"add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "Metaspace": {"replacement": "\u2581", "prepend_scheme": "always", "split": True},
    "Split": {"invert": False},
    "Digits": {"individual_digits": False},
    "Punctuation": {"behavior": "Isolated"},
}
"""What the tokenizers library takes for a key that is absent; newer versions write it out."""


def _pre_tokenizer_changed(context: Context, rule: Rule) -> Iterator[Finding]:
    base, merged = context.base, context.merged
    if base is None:
        return
    ours, theirs = merged.tokenizer_head, base.tokenizer_head
    if not ours or not theirs or rows_differ(merged.vocab_rows, base.vocab_rows) is not None:
        return
    trained = context.adapter.tokenizer_head if context.adapter is not None else {}
    changed = [
        part
        for part in _CUTTERS
        if part in ours  # a key that stands after the vocabulary was not read
        and part in theirs
        and (own := _canonical(ours[part])) != _canonical(theirs[part])
        and not (trained and own == _canonical(trained.get(part)))
    ]
    if not changed:
        return
    added = [*_lacking(base.tokenizer, merged.tokenizer)]
    yield rule.finding(
        _FAST,
        message("pre-tokenizer-changed", parts=[*changed]),
        witness=Witness.BASE,
        evidence=[
            message(
                "evidence-cutter", part=part, base=_kinds(theirs.get(part)), merged=_kinds(ours.get(part))
            )
            for part in changed
        ],
        fix=Fix(Applicability.MANUAL, message("why-tokens-added", tokens=_shown(added)))
        if added
        else Fix(Applicability.UNSAFE, message("why-cutter-of-base"), (RestoreFile(_FAST),)),
    )


def _canonical(value: JsonValue) -> JsonValue:
    """``value`` with defaults written out and old spellings renewed, so that equal behaviour compares equal."""
    if not isinstance(value, dict):
        return value
    kind = value.get("type")
    if kind == "Sequence":
        parts = _parts(value)
        return parts[0] if len(parts) == 1 else {"type": kind, "parts": parts} if parts else None
    if not isinstance(kind, str):
        return value
    filled: JsonObject = {**_DEFAULTS.get(kind, {}), **value}
    filled = {key: entry for key, entry in filled.items() if entry is not None}
    if kind == "Metaspace":
        old = filled.pop("add_prefix_space", None)
        filled.pop("str_rep", None)
        if old is False and "prepend_scheme" not in value:
            filled["prepend_scheme"] = "never"
    return filled


def _parts(sequence: JsonObject) -> list[JsonValue]:
    """The steps of a sequence, those of sequences inside it in their place."""
    found: list[JsonValue] = []
    for key in ("normalizers", "pretokenizers"):
        entries = sequence.get(key)
        for entry in entries if isinstance(entries, list) else []:
            part = _canonical(entry)
            if isinstance(part, dict) and part.get("type") == "Sequence":
                inner = part.get("parts")
                found += inner if isinstance(inner, list) else []
            elif part is not None:
                found.append(part)
    return found


def _kinds(value: JsonValue) -> list[JsonValue]:
    """The names of the steps."""
    part = _canonical(value)
    steps = part.get("parts", [part]) if isinstance(part, dict) else []
    return [step.get("type") for step in (steps if isinstance(steps, list) else []) if isinstance(step, dict)]


RULES: Final = (
    Rule(
        code="GF302",
        name="tokenizer-not-the-trained-one",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what=(
                "The adapter was trained with another tokenizer than the folder has: tokens are missing here or have "
                "other ids, or the EOS is the base's and not the trained one."
            ),
            why=(
                "The model writes ids that this tokenizer does not know, and the turn markers of its training are split "
                "into pieces. Merges that load the tokenizer of the base save that one: axolotl's default merge and "
                "LLaMA-Factory's without the adapter's tokenizer do."
            ),
            fix=(
                "The adapter's tokenizer files, byte-identical, with its chat template. Where only the EOS differs, "
                "`eos_token` in `tokenizer_config.json` and `special_tokens_map.json`."
            ),
            safety=(
                "Safe where each token has a row in the embedding, and the tokens that are here are the base's or the "
                "adapter's. Unsafe where the folder has tokens that neither has, a chat template of its own, or no known "
                "number of rows. Manual where the embedding has too few rows: it was not resized, and the merge has to be "
                "made again."
            ),
            sources=("hiyouga/LLaMA-Factory#4408", "axolotl-ai-cloud/axolotl#1322", "unslothai/unsloth#3428"),
        ),
        check=_not_the_trained_one,
    ),
    Rule(
        code="GF303",
        name="added-token-changed",
        severity=Severity.ERROR,
        needs_base=True,
        doc=RuleDoc(
            what=(
                "An added token of the base is gone, or has another id, although the embedding has as many rows as the "
                "base's."
            ),
            why=(
                "The token is split into pieces, or stands at a row that was trained for another. Turn markers then mean "
                "nothing to the model. Yi's `<|startoftext|>` went from 1 to 64000 when a Llama tokenizer saved it."
            ),
            fix="The base's `tokenizer.json`, and its tables of added tokens in the other tokenizer files.",
            safety=(
                "Unsafe: the whole vocabulary becomes the base's. Manual where tokens were added here. A reserved token "
                "that was renamed and kept its id is no finding, nor is what the adapter's tokenizer has as well. Error "
                "where the chat template writes the token or it ends a text, else a warning."
            ),
            sources=(
                "axolotl-ai-cloud/axolotl#1322",
                "arcee-ai/mergekit#469",
                "OpenRLHF/OpenRLHF#1069",
            ),
        ),
        check=_added_token_changed,
    ),
    Rule(
        code="GF304",
        name="token-flags-changed",
        severity=Severity.WARNING,
        needs_base=True,
        doc=RuleDoc(
            what=(
                "An added token has the base's id and text, and another flag: `special`, `lstrip`, `rstrip`, "
                "`normalized` or `single_word`."
            ),
            why=(
                "`lstrip` and `rstrip` swallow the white space around a token, so prompts get other ids than in training. "
                "A turn end that is no longer special is written out as text. A tool marker that became special is "
                "hidden from tool parsers."
            ),
            fix="The base's `tokenizer.json`, and its `added_tokens_decoder` where the folder has one.",
            safety=(
                "Unsafe: the flag may have been set on purpose. Manual where tokens were added here. Flags that the "
                "adapter's tokenizer or another file of the base has are no finding, nor is `normalized` without a "
                "normalizer. Information for `single_word`, and for `special` of a token that ends no turn."
            ),
            sources=(
                "axolotl-ai-cloud/axolotl#678",
                "OpenRLHF/OpenRLHF#1069",
                "EricLBuehler/mistral.rs#2319",
            ),
        ),
        check=_flags_changed,
    ),
    Rule(
        code="GF305",
        name="special-token-list-shrunk",
        severity=Severity.WARNING,
        needs_base=True,
        doc=RuleDoc(
            what=(
                "The list of further special tokens (`additional_special_tokens`, `extra_special_tokens`) lacks tokens "
                "of the base's list that the tokenizer still has."
            ),
            why=(
                "Readers that take special tokens from the list show the others in the text, or split them where they "
                "stand in a prompt. LLaMA-Factory sets its template's stop words and drops the rest: GLM-4's 14 become 2."
            ),
            fix="The base's list followed by this folder's own entries, under the name this folder uses.",
            safety="Unsafe: a shorter list may be meant. Tokens that are special under their own name (EOS, padding) are not missed.",
            sources=("hiyouga/LLaMA-Factory#4408", "LLaMA-Factory 0.9.5 exports of GLM-4 (merge corpus)"),
        ),
        check=_list_shrunk,
    ),
    Rule(
        code="GF311",
        name="pre-tokenizer-changed",
        severity=Severity.WARNING,
        needs_base=True,
        doc=RuleDoc(
            what="`normalizer` or `pre_tokenizer` of `tokenizer.json` is not the base's, although the embedding has the base's rows.",
            why=(
                "Text is cut into other tokens than the base was trained on. llama.cpp's converter says `BPE pre-tokenizer "
                "was not recognized`. Values that only newer versions of the tokenizers library write out are no change."
            ),
            fix="The base's `tokenizer.json`.",
            safety=(
                "Unsafe: training may have used the new one. Manual where tokens were added or moved here. Silent where "
                "the adapter's tokenizer has the same."
            ),
            sources=("ggml-org/llama.cpp#9927", "ggml-org/llama.cpp#8649", "unslothai/unsloth#2984"),
        ),
        check=_pre_tokenizer_changed,
    ),
)
