"""Writes what the loaders of the real transformers know, and what they are strict about.

    python -m dev.tools.loader_facts READER genfix/engines/data/loaders5.json [WHEEL ...]

READER is a Python that has transformers (no torch is needed): its model types, those with a processor and
what that asks its tokenizer for, the names of its tokenizer classes and of the vocabulary files each one
reads, the fields of config classes whose type is checked, which tokenizer classes are content with a folder
that has no vocabulary, and which take only one of scores. The wheels are earlier versions, oldest first: they
tell since when model types are known.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev.tools.wheel_names import mapped_types

__all__ = ["main"]

_ASK = """
import dataclasses, json, logging, re, sys, tempfile, types, typing, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
import transformers
from transformers.models.auto import configuration_auto, processing_auto, tokenization_auto
NEW = int(transformers.__version__.split(".")[0]) >= 5
CONFIGS = configuration_auto.CONFIG_MAPPING

def spelled(kind):
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return "|".join(sorted({spelled(part) for part in typing.get_args(kind)}))
    if typing.get_origin(kind) in (list, tuple):
        parts = {spelled(part) for part in typing.get_args(kind) if part is not ...}
        return "list of " + "|".join(sorted(parts))
    return {int: "int", bool: "bool", type(None): "null"}.get(kind, "?")

fields = {}
for name in sorted(CONFIGS.keys()) if NEW else ():
    for field in dataclasses.fields(CONFIGS[name]):
        if field.name in sys.argv[1].split(","):
            fields.setdefault(field.name, {}).setdefault(spelled(field.type), []).append(name)

def refuses(name, key):
    try:
        CONFIGS[name](**{key: "a text"})
    except Exception as error:
        return "FieldValidation" in type(error).__name__
    return False

# A composite config may hand what stands at its top to its text part, which then checks it.
for key in sys.argv[1].split(",") if NEW else ():
    own = {name for kinds in fields[key].values() for name in kinds}
    for name in sorted(set(CONFIGS.keys()) - own):
        if refuses(name, key):
            text = CONFIGS[name]().get_text_config(decoder=True)
            kind = next((field.type for field in dataclasses.fields(text) if field.name == key), None)
            if kind is not None:
                fields[key].setdefault(spelled(kind), []).append(name)

def names(mapping):
    for value in mapping.values():
        yield from value if isinstance(value, (list, tuple)) else [value]

classes = {name for name in names(tokenization_auto.TOKENIZER_MAPPING_NAMES) if name}
classes = sorted(classes | {name for name in dir(transformers) if "Tokenizer" in name})
known = [name for name in classes if tokenization_auto.tokenizer_class_from_name(name) is not None]
empty = []
with tempfile.TemporaryDirectory() as folder:
    for name in known:
        made = f"{name}Fast" if f"{name}Fast" in known else name  # as AutoTokenizer does
        try:
            found = tokenization_auto.tokenizer_class_from_name(made).from_pretrained(folder)
        except Exception:
            continue
        if found is not False:  # which some of transformers 4 return
            empty.append(name)
# Classes whose vocabulary is one of scores, and which take no other from tokenizer.json.
from tokenizers import Tokenizer, models
scored = []
with tempfile.TemporaryDirectory() as folder:
    words = ["<unk>", "<s>", "</s>", "<pad>", "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "<mask>", "a"]
    def makes(name, model):
        Tokenizer(model).save(folder + "/tokenizer.json")
        try:
            tokenization_auto.tokenizer_class_from_name(name).from_pretrained(folder)
        except Exception:
            return False
        return True
    for name in known if NEW else ():
        if makes(name, models.Unigram([(word, -1.0) for word in words], 0)):
            if not makes(name, models.BPE({word: number for number, word in enumerate(words)}, [])):
                scored.append(name)

# What a processor's constructor asks of its tokenizer whatever happens, and whether it takes a chat template.
import ast, inspect, textwrap
NAMED = {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

def asked(node):
    if isinstance(node, (ast.If, ast.IfExp)):
        return set()
    found = {token for child in ast.iter_child_nodes(node) for token in asked(child)}
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("tokenizer", "self.tokenizer"):
        found |= {node.attr.removesuffix("_id")}
    return {token for token in found if token.endswith("_token") and not token.startswith("add_")} - NAMED

processor_tokens, without_template = {}, []
for kind, name in sorted(processing_auto.PROCESSOR_MAPPING_NAMES.items()):
    try:
        make = getattr(transformers, name).__init__
        code = inspect.getsource(inspect.unwrap(make))
    except Exception:
        continue  # one whose library is not here
    taken = inspect.signature(make).parameters
    if "chat_template" not in taken and not any(each.kind == each.VAR_KEYWORD for each in taken.values()):
        without_template.append(kind)
    body = ast.parse(textwrap.dedent(code)).body[0].body
    tokens = sorted({token for each in body for token in asked(each)})
    if tokens:
        processor_tokens[kind] = tokens

def plain(value):
    names = value if isinstance(value, (list, tuple)) else [value]
    name = next((name for name in names if name), "")
    return name if name == "PreTrainedTokenizerFast" else name.removesuffix("Fast")

tokenizers = {kind: plain(value) for kind, value in tokenization_auto.TOKENIZER_MAPPING_NAMES.items()}
vocabularies = {}
for name in known:
    try:
        files = getattr(tokenization_auto.tokenizer_class_from_name(name), "vocab_files_names", None)
    except ImportError:
        continue  # a model, called a tokenizer, whose library is not here
    if isinstance(files, dict):
        vocabularies.setdefault("|".join(sorted(file for file in files.values() if file)), []).append(name)
print(json.dumps({
    "transformers": transformers.__version__,
    "model_types": sorted(CONFIGS.keys()),
    "processors": sorted(processing_auto.PROCESSOR_MAPPING_NAMES),
    "processor_tokens": processor_tokens,
    "without_template": without_template,
    "tokenizer_classes": known,
    "without_vocabulary": empty,
    "scored": scored,
    "tokenizers": {kind: name for kind, name in sorted(tokenizers.items()) if name},
    "misnamed": sorted(getattr(tokenization_auto, "MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS", ())),
    "vocabularies": vocabularies,
    "fields": fields,
}))
"""

_FIELDS = ("eos_token_id", "bos_token_id", "pad_token_id", "max_position_embeddings")


def _since(types: Sequence[str], wheels: Sequence[Path]) -> Mapping[str, str]:
    """Model types that the oldest wheel does not know, with the first that does; empty for the newest."""
    versions = [wheel.name.split("-")[1] for wheel in wheels]
    known = [mapped_types(wheel) for wheel in wheels]
    return {
        name: next((version for version, names in zip(versions, known, strict=True) if name in names), "")
        for name in types
        if wheels and name not in known[0]
    }


def main(reader: str, out: Path, *wheels: Path) -> int:
    """Ask the reader, and write what it says; the exit code."""
    done = subprocess.run(
        [reader, "-c", _ASK, ",".join(_FIELDS)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return 1
    answer = json.loads(done.stdout.splitlines()[-1])
    answer["since"] = _since(answer["model_types"], wheels)
    out.write_text(json.dumps(answer, indent=None, separators=(",", ":"), sort_keys=True) + "\n")
    print(f"{len(answer['model_types'])} model types of transformers {answer['transformers']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(Path, sys.argv[2:])))
