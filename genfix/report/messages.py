"""The words: one sentence per message id, in one place, so that another language is another table."""

from collections.abc import Mapping
from typing import Final

from genfix.json_types import JsonValue
from genfix.message import Message
from genfix.report.show import show, show_value

__all__ = ["ENGLISH", "words"]

ENGLISH: Final[Mapping[str, str]] = {
    # stop tokens
    "stop-tokens-narrowed": "stops at {has} only; the base also stops at {lost}",
    "stop-tokens-absent": "has no stop token, which hides the list of config.json; the base stops at {lost}",
    "turn-end-not-a-stop-token": "the chat template ends a turn with {ends}, and the file stops at {has}",
    "why-stop-trained": "the model was trained on chats, and its template writes these tokens at a turn's end; ids are only added",
    "why-name-the-base": "name the base with --base: it says where the model stops",
    "why-name-this-base": "name the base with --base (the folder names {base}): it says where the model stops",
    "proof-adapter": "chats were trained: {folder} is the adapter",
    "proof-trainer-file": "chats were trained: {file} is a trainer's",
    "proof-model-card": "chats were trained: a trainer tagged the model card {tag}",
    "proof-own-template": "chats were trained: {file} is not the base's template",
    "proof-tokens-added": "chats were trained: {tokens} were added",
    "proof-eos-changed": "chats were trained: the tokenizer's EOS was changed to the turn end {token}",
    "proof-weights": "the weights were trained: {tensor} is not the base's",
    "proof-weights-file": "the weights were trained: {file} is not the base's",
    "evidence-trainer-hides-it": "stops in swift infer or llamafactory chat, not in vLLM: trainers add the stop words themselves",
    "turn-end-not-a-token": "the chat template ends a turn with {ends}, which the tokenizer splits: there is no id to stop at",
    "why-turn-end-not-a-token": "put the trained tokenizer back, or send {end} as a stop string with each request",
    "turn-end-is-padding": "the padding token was changed to {token}, the only token that ends a turn",
    "why-turn-end-is-padding": "if it does not stop all the same, its turn end was never trained, which no config can fix",
    "tokenizer-eos-changed": "eos_token is {ours}; the base, with the same chat template, has {theirs}",
    "why-eos-same-template": "the chat template is the base's, and no turn of it ends with the token that is here",
    "why-eos-added": "{token} was added here, so it may have been trained",
    "why-eos-no-template": "no chat template tells what ends a turn",
    "config-stop-tokens-narrowed": "eos_token_id is {has}; the base's config.json also lists {lost}",
    "stop-tokens-invalid": "eos_token_id holds what is no token id: {entries}",
    "stop-token-not-here": "stop tokens of the base are not the same tokens here: {ids}",
    "evidence-engine-stops": "{engine} stops at {{{merged}}}; with the base at {{{base}}}",
    "evidence-template-ends": "the chat template ends a turn with {ends}",
    "evidence-text-eos": "transformers fails in generate(); vLLM accepts text and never matches it",
    "evidence-beyond-rows": "{id} lies beyond the {rows} rows of the embedding",
    "evidence-other-token": "{id} is {text} here",
    "why-stop-same-template": "the chat template is the base's, so its turn ends are the base's; ids are only added",
    "why-stop-other-template": "the chat template is not the base's: its stop tokens may not be trained here",
    "why-stop-own-template": "this folder's own template writes these tokens at a turn's end; ids are only added",
    "why-stop-invalid": "no engine can stop at the value as it is",
    "why-stop-invalid-unknown": "no file tells which id is meant: look up the turn end in the tokenizer",
    "why-stop-tokens-strange": "{ids} are not the same tokens here",
    "objection-new-finding": "its fix was left out: it would cause {code} on {file}",
    "objection-worse-view": "its fix was left out: {engine} would do worse",
    "objection-not-possible": "its fix was left out: {reason}",
    "why-base-has-it-too": "the base has the same fault",
    "why-stop-not-here": "the tokenizer or the embedding was changed: look up the turn end in this folder's tokenizer",
    # generation settings
    "generation-config-missing": "is missing; the base has it",
    "generation-config-resynthesised": "was written anew from config.json; the base's {keys} are lost",
    "run-time-value": "{key} = {value} of some run is baked in; the base sets none",
    "setting-out-of-range": "{key} = {value} is refused by engines",
    "sampling-without-do-sample": "{keys} without do_sample: transformers ignores them and will not save the file again",
    "setting-differs": "{key} is {ours}; the base has {theirs}",
    "why-resynthesised": "every value in the file follows from config.json, so nobody chose it",
    "why-run-time-value": "{key} limits every answer, and the model's authors set no limit",
    "why-setting-out-of-range": "no engine can use the value",
    "why-sampling-without-do-sample": "generate() would sample where it was greedy",
    "why-setting-differs": "the folder's own value is taken to be meant",
    # chat template
    "chat-template-missing": "the chat template is missing; the base has one",
    "processor-template-missing": "the processor's chat template is missing; it would fall back to the tokenizer's",
    "chat-templates-differ": "the chat template here is not the one in {first}: some engines read this, some that",
    "chat-template-broken": "the chat template does not render ({kind}): {detail}",
    "why-template-lost": "the tokenizer has every token the base's template writes",
    "why-template-tokens-added": "tokens were added ({tokens}), so another template may have been trained",
    "why-template-tokens-unknown": "the template writes {tokens}, which are not the same tokens here",
    "why-templates-differ": "files cannot tell which copy was trained; {first} is what most engines read",
    "chat-template-empty": "is empty, so no chat request has a prompt",
    "chat-template-not-text": "is not UTF-8 text",
    "why-template-other": "the folder has a chat template of its own",
    "why-templates-named": "{first} is what most engines read; the other is one of several named templates",
    "why-template-broken": "only its author can say what it should do",
    # tokenizer
    "tokenizer-file-missing": "is missing; the base has it",
    "why-tokenizer-lost": "nothing in the folder says that the tokenizer was changed",
    "why-rows-differ": "the embedding has {rows} rows and the base says {base}: tokens were added or removed",
    "why-tokens-differ": "{tokens} have other ids here: the tokenizer was changed",
    "why-vocabulary-differs": "{file} is not the base's: the tokenizer was changed",
    "tokenizer-not-trained": "is not the adapter's: {tokens} are missing here or have other ids",
    "evidence-tokens-of-base": "all added tokens here are those of {base}",
    "why-trained-tokenizer": "the adapter was trained with it, and the {rows} rows of the embedding are enough",
    "why-embedding-too-small": "the embedding has {rows} rows and none for id {id}: merge again into a resized base",
    "why-tokenizers-mixed": "the adapter's files alone would make a mix of two tokenizers",
    "why-tokens-of-nobody": "{tokens} are neither the adapter's nor the base's",
    "why-rows-unknown": "nothing tells how many rows the embedding has",
    "eos-not-trained": "eos_token is {ours}, as in the base; the adapter was trained with {trained}",
    "why-eos-trained": "the token has the adapter's id here, and the EOS here ends no turn of the chat template",
    "added-token-changed": "added tokens of the base are gone or have other ids: {tokens}",
    "evidence-token-id": "{token} is {merged} here and {base} in the base",
    "evidence-token-gone": "{token} is gone; it is {base} in the base, and nothing has that id here",
    "why-token-table-of-base": "the base has all tokens that are here; its whole tokenizer.json takes the place of this one",
    "why-tokens-added": "{tokens} are not the base's: its files would lose them",
    "why-no-token-table": "the base's files alone do not bring it back",
    "token-flags-changed": "has other flags than the base for {tokens}",
    "evidence-token-flag": "{flag} of {token} is {merged} here and {base} in the base",
    "special-list-shrunk": "the list of special tokens lacks {count} of the base's: {tokens}",
    "why-special-list": "a shorter list may be meant; the tokens themselves are all here",
    "pre-tokenizer-changed": "{parts} differ from the base's: text is cut into other tokens",
    "evidence-cutter": "{part} here: {merged}; in the base: {base}",
    "why-cutter-of-base": "all tokens are the base's; training may have used this one all the same",
    # config.json
    "config-missing": "is missing; the base has it",
    "config-missing-alone": "is missing beside the weights: no engine loads them without it",
    "config-field-lost": "{key} is gone; the base has it",
    "why-field-lost": "without {key} a reader takes its own default",
    # other files
    "processor-file-missing": "is missing; the base has it",
    "code-file-missing": "is missing, and auto_map needs it",
    "licence-missing": "is missing; most licences want it passed on",
    "no-model-file": "no file here has a name that an engine reads",
    "why-file-lost": "the file is missing here, so nothing is overwritten",
    "why-code-lost": "auto_map points at it, and the code that is here equals that of {base}",
    "why-code-changed": "{file} is not that of {base}: other versions of the code may not fit together",
    "why-code-no-base": "name the base to get it from with --base",
    "why-licence": "the file is missing here, so nothing is overwritten",
    "why-no-model-file": "check the path",
    "why-no-base-copy": "there is no base, or it has no such file",
    # unreadable
    "json-syntax": "does not parse: {detail} (line {line}, column {column})",
    "json-empty": "is empty",
    "json-encoding": "is not UTF-8: {detail} (line {line}, column {column})",
    "json-too-deep": "is nested too deeply (line {line}, column {column})",
    "json-not-an-object": "is not a JSON object: {detail}",
    "json-duplicate-key": "has the key {detail} twice (line {line}, column {column})",
    "json-bom": "starts with a byte order mark, which engines refuse",
    "file-not-regular": "is not a regular file",
    "file-link-outside": "is a link to a file outside the folder",
    "file-too-large": "is far larger than such a file can be",
    "file-unreadable": "cannot be read",
    "why-broken-file": "no engine can read the file as it is",
    "why-duplicate-key": "only the author knows which value was meant",
    "why-bom": "the JSON itself does not change",
    "why-file-not-regular": "replace it by the file it should be",
    "why-file-link-outside": "replace the link by a copy of the file",
    "why-file-too-large": "look whether another file was saved under this name",
    "why-file-unreadable": "check its permissions",
    # engines
    "engine-cannot-find-config": "config.json is missing",
    "engine-cannot-read-config": "config.json cannot be read",
    "engine-cannot-tell-model-type": "config.json has no model_type",
    "engine-cannot-read-tokenizer-config": "tokenizer_config.json cannot be read",
    "engine-cannot-find-tokenizer": "there is no tokenizer.json and no other vocabulary",
    "engine-cannot-find-code": "{file} is missing",
    "engine-fails-on-text-eos": "generate() fails on the text in eos_token_id of {file}",
    "trace-stop-from": "{file} gives {{{ids}}}",
    "trace-stop-fallback-missing": "generation_config.json is missing, so config.json gives {{{ids}}}",
    "trace-stop-fallback-unreadable": "generation_config.json cannot be read, so config.json gives {{{ids}}}",
    "trace-tokenizer-eos": "the tokenizer's EOS {token} gives {{{ids}}}",
    "trace-config-eos-hidden": "config.json's {ids} are not asked, because generation_config.json is there",
}
"""Every sentence, without a final full stop. A finding's is read after its file's name."""


def words(message: Message, catalogue: Mapping[str, str] = ENGLISH) -> str:
    """The message in words, safe to print."""
    return catalogue[message.id].format_map({key: _shown(value) for key, value in message.args.items()})


def _shown(value: JsonValue) -> str:
    if isinstance(value, str):
        return show(value)
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(show(item) if isinstance(item, str) else show_value(item) for item in value)
    return show_value(value)
