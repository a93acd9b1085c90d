"""All rules at once: each is shown a folder it is about and one it is not, and each has its page and its words."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

import genfix
from genfix.folder import FileProblem
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model.json_read import JsonProblemKind
from genfix.model.json_repair import SlipKind
from genfix.report.messages import ENGLISH, words
from genfix.rules import RULES, Applicability, Severity
from tests.folders import (
    CHATML,
    CHATML_TOKENS,
    Files,
    chatml_files,
    context,
    dump,
    find,
    glm_files,
    vlm_files,
)
from tests.rules.test_files_rules import without
from tests.rules.test_stop_tokens import with_json
from tests.rules.test_token_tables import with_head, with_token_list
from tests.rules.test_weights_rules import BASE as WEIGHTED
from tests.rules.test_weights_rules import SECOND, SHARDS, SPECULATIVE, TIED, packed
from tests.rules.test_weights_rules import SEEING as COMPOSITE
from tests.weight_files import INDEX, SINGLE, causal, weight_file


def weighted(layers: int = 2, rows: int = 1024, experts: int = 0) -> Files:
    """A whole small model whose weights are not what its config.json was written for."""
    return WEIGHTED | {SINGLE: weight_file(causal(layers, rows=rows, experts=experts))}


GLM, QWEN, VLM = glm_files(), chatml_files(), vlm_files()
GEN, TOK = "generation_config.json", "tokenizer_config.json"
MINE = with_json(QWEN, TOK, chat_template=CHATML + "{# mine #}")
NEVER_STOPS = with_json(with_json(QWEN, TOK, eos_token="<|endoftext|>"), GEN, eos_token_id=1000)
UNTOKENED = with_json(QWEN, "tokenizer.json", added_tokens=[{"id": 1000, "content": "<|endoftext|>"}])
SWAPPED = with_json(QWEN, "tokenizer.json", added_tokens=[{"id": 1002, "content": "<|im_start|>"}])
TRAINED = with_token_list(QWEN, CHATML_TOKENS | {"<tool>": 1003})
TAGGED = CHATML.replace("{{ m.content }}", "{% generation %}{{ m.content }}{% endgeneration %}")
TRAINED_TEMPLATE = with_json(QWEN, TOK, chat_template="Mine." + CHATML)
JINJA_ONLY = with_json(QWEN, TOK, chat_template=...) | {"chat_template.jinja": CHATML.encode()}
PROCESSOR = "chat_template.json"
SEEING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for c in m.content %}{% if c.type == 'image' %}"
    "<|image_pad|>{% else %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
)
VLM = with_json(VLM, PROCESSOR, chat_template=SEEING)
BOS = with_json(
    QWEN,
    TOK,
    chat_template="{{ bos_token }}" + CHATML,
    bos_token="<|endoftext|>",
    tokenizer_class="LlamaTokenizerFast",
    add_bos_token=False,
)
FAST_ONLY = with_token_list(
    QWEN | {"tokenizer.model": b""}, CHATML_TOKENS, **dict.fromkeys(TOKEN_FLAGS, False)
)
RESYNTHESISED = QWEN | {GEN: dump({"_from_model_config": True, "eos_token_id": 1002})}

Case: TypeAlias = tuple[Files, Files, Files | None] | tuple[Files, Files, Files | None, Files]

CASES: dict[str, Case] = {
    # code: (a folder it finds something on, one it does not, the base of both, the adapter where it needs one)
    "GF101": (
        with_json(GLM, GEN, eos_token_id=151329),
        with_json(GLM, GEN, eos_token_id=[151338, 151336, 151329]),
        GLM,
    ),
    "GF102": (NEVER_STOPS | {"training_args.bin": b""}, NEVER_STOPS | {GEN: QWEN[GEN]}, None),
    "GF103": (
        with_json(GLM, "config.json", eos_token_id=151329),
        with_json(GLM, "config.json", pad_token_id=None),
        GLM,
    ),
    "GF104": (with_json(GLM, GEN, eos_token_id="<|user|>"), with_json(GLM, GEN, eos_token_id=151336), None),
    "GF105": (SWAPPED, with_json(QWEN, "tokenizer.json", added_tokens=[]), QWEN),
    "GF106": (with_json(QWEN, TOK, eos_token="<|endoftext|>"), QWEN, QWEN),
    "GF107": (UNTOKENED, QWEN, None),
    "GF108": (
        with_json(QWEN, TOK, pad_token="<|im_end|>"),
        with_json(QWEN, TOK, pad_token="<|endoftext|>"),
        QWEN,
    ),
    "GF201": (with_json(QWEN, TOK, chat_template=...), MINE, QWEN),
    "GF202": (QWEN | {"chat_template.jinja": b"x"}, QWEN | {"chat_template.jinja": CHATML.encode()}, None),
    "GF203": (with_json(QWEN, TOK, chat_template="{% for"), with_json(QWEN, TOK, chat_template="x"), None),
    "GF204": (with_json(QWEN, TOK, chat_template=TAGGED), MINE, None),
    "GF205": (with_json(QWEN, TOK, chat_template="<|begin|>" + CHATML), MINE, None),
    "GF206": (with_json(VLM, PROCESSOR, chat_template=CHATML), VLM, VLM),
    "GF207": (JINJA_ONLY, JINJA_ONLY | {TOK: QWEN[TOK]}, QWEN),
    "GF208": (QWEN, TRAINED_TEMPLATE, QWEN, TRAINED_TEMPLATE),
    "GF209": (with_json(BOS, TOK, add_bos_token=True), BOS, BOS),
    "GF301": (without(QWEN, "tokenizer.json"), QWEN, QWEN | {"vocab.json": b"{}", "merges.txt": b""}),
    "GF302": (QWEN, TRAINED, QWEN, TRAINED),
    "GF303": (UNTOKENED, with_token_list(QWEN, {"<|endoftext|>": 1000, "<a>": 1001, "<b>": 1002}), QWEN),
    "GF304": (
        with_token_list(QWEN, CHATML_TOKENS, lstrip=True),
        QWEN,
        with_token_list(QWEN, CHATML_TOKENS, lstrip=False),
    ),
    "GF305": (
        with_json(QWEN, TOK, additional_special_tokens=["<|im_end|>"]),
        with_json(QWEN, TOK, extra_special_tokens=["<|im_end|>", "<|im_start|>"]),
        with_json(QWEN, TOK, additional_special_tokens=["<|im_start|>", "<|im_end|>"]),
    ),
    "GF311": (
        with_head(QWEN, pre_tokenizer={"type": "Whitespace"}),
        with_head(QWEN, pre_tokenizer=None),
        with_head(QWEN, pre_tokenizer={"type": "Sequence", "pretokenizers": []}),
    ),
    "GF401": (without(QWEN, "config.json"), QWEN, QWEN),
    "GF402": (with_json(QWEN, "config.json", rope_theta=...), QWEN, QWEN),
    "GF411": (weighted(rows=1032), WEIGHTED, None),
    "GF412": (with_json(weighted(rows=1002), "config.json", vocab_size=1002), WEIGHTED, None),
    "GF413": (TIED | {SINGLE: weight_file(causal(), fill={"lm_head.weight": 7})}, TIED, TIED),
    "GF414": (weighted(layers=3), WEIGHTED, None),
    "GF415": (
        with_json(weighted(experts=6), "config.json", num_experts=8),
        with_json(weighted(experts=6), "config.json", num_experts=6),
        None,
    ),
    "GF416": (with_json(WEIGHTED, "config.json", num_nextn_predict_layers=1), SPECULATIVE, None),
    "GF421": (
        with_json(WEIGHTED, "config.json", quantization_config={"quant_method": "gptq", "bits": 4}),
        WEIGHTED,
        None,
    ),
    "GF422": (
        WEIGHTED | {SINGLE: packed("gptq")},
        with_json(WEIGHTED, "config.json", quantization_config={"quant_method": "gptq", "bits": 4})
        | {SINGLE: packed("gptq")},
        None,
    ),
    "GF431": (COMPOSITE | {SINGLE: weight_file(causal())}, COMPOSITE, COMPOSITE),
    "GF432": (
        WEIGHTED | {SINGLE: weight_file({**causal(), "_orig_mod.norm.weight": (4,)})},
        WEIGHTED,
        None,
    ),
    "GF501": (without(VLM, "preprocessor_config.json"), VLM, VLM),
    "GF502": (without(GLM, "modeling_chatglm.py"), GLM, GLM),
    "GF503": (without(GLM, "LICENSE"), without(GLM, "README.md"), GLM),
    "GF504": ({"README.md": b""}, {"config.json": b"{}"}, None),
    "GF521": (without(SHARDS, SECOND), SHARDS, None),
    "GF522": (SHARDS | {SECOND: SHARDS[SECOND][:-1]}, SHARDS, None),
    "GF523": (without(SHARDS, INDEX), SHARDS, None),
    "GF524": (SHARDS | {"old.safetensors": weight_file({"a": (1,)})}, SHARDS, WEIGHTED),
    "GF525": (WEIGHTED | {SINGLE: weight_file(causal(), metadata={"a": "b"})}, WEIGHTED, None),
    "GF601": (without(GLM, GEN), GLM, GLM),
    "GF602": (RESYNTHESISED, QWEN, QWEN),
    "GF603": (with_json(QWEN, GEN, max_new_tokens=64), with_json(QWEN, GEN, max_length=20), QWEN),
    "GF604": (with_json(QWEN, GEN, top_p=0), with_json(QWEN, GEN, top_p=1), None),
    "GF605": (with_json(QWEN, GEN, top_p=0.5), with_json(QWEN, GEN, top_p=1.0), QWEN),
    "GF701": (
        with_json(QWEN, TOK, tokenizer_class="TokenizersBackend"),
        with_json(QWEN, TOK, tokenizer_class="PreTrainedTokenizerFast"),
        QWEN,
    ),
    "GF702": (
        with_json(QWEN, TOK, extra_special_tokens=["<|im_end|>"]),
        with_json(QWEN, TOK, extra_special_tokens={"end": "<|im_end|>"}),
        QWEN,
    ),
    "GF704": (FAST_ONLY, without(FAST_ONLY, "tokenizer.model"), FAST_ONLY | {"added_tokens.json": b"{}"}),
    "GF901": (QWEN | {"config.json": b"{"}, QWEN, None),
    "GF902": (QWEN | {"config.json": b'{"a": 1, "a": 2}'}, QWEN, None),
    "GF903": (QWEN | {"config.json": b"\xef\xbb\xbf{}"}, QWEN, None),
    # GF904 needs a disk: test_unreadable.py
    "GF905": (with_json(QWEN, "config.json", rope_theta=float("nan")), QWEN, None),
    "GF906": (
        QWEN | {"tokenizer.json": b"version https://git-lfs.github.com/spec/v1\n"},
        QWEN,
        None,
    ),
}


def case(code: str) -> tuple[Files, Files, Files | None, Files | None]:
    bad, good, base, *adapter = CASES[code]
    return bad, good, base, adapter[0] if adapter else None


def test_each_rule_is_shown_a_bad_and_a_good_folder() -> None:
    assert {*CASES, "GF904"} == {*RULES}


@pytest.mark.parametrize("code", CASES)
def test_it_finds_the_one_and_not_the_other(code: str) -> None:
    bad, good, base, adapter = case(code)
    found = find(bad, base, code, adapter)
    assert found
    assert find(good, base, code, adapter) == []
    for finding in found:
        assert (finding.name, finding.severity.rank >= RULES[code].severity.rank) == (RULES[code].name, True)
        assert finding.fix is not None
        assert bool(finding.fix.operations) is (finding.fix.applicability is not Applicability.MANUAL)
        for said in (finding.message, finding.fix.why, *finding.evidence):
            assert words(said)


@pytest.mark.parametrize("code", [code for code in CASES if RULES[code].needs_base])
def test_a_rule_that_needs_a_base_is_silent_without_one(code: str) -> None:
    bad, _, _, adapter = case(code)
    assert find(bad, None, code, adapter) == []


@pytest.mark.parametrize("code", [code for code in CASES if not RULES[code].needs_base])
def test_a_rule_that_needs_no_base_speaks_without_one(code: str) -> None:
    bad, _, _, adapter = case(code)
    assert find(bad, None, code, adapter) != []


def test_codes_and_names_are_unique_and_sorted() -> None:
    assert list(RULES) == sorted(RULES)
    assert all(re.fullmatch(r"GF\d{3}", code) and rule.code == code for code, rule in RULES.items())
    names = [rule.name for rule in RULES.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", name) for name in names)


@pytest.mark.parametrize("code", RULES)
def test_each_rule_has_its_page(code: str) -> None:
    doc = RULES[code].doc
    for paragraph in (doc.what, doc.why, doc.fix, doc.safety):
        assert paragraph.endswith(".")
    assert doc.sources
    assert all(doc.sources)


def test_all_findings_come_worst_first() -> None:
    found = find(without(VLM, GEN, "preprocessor_config.json") | {"added_tokens.json": b"{"}, GLM)
    assert [finding.severity.rank for finding in found] == sorted(finding.severity.rank for finding in found)
    assert {finding.severity for finding in found} >= {Severity.ERROR, Severity.WARNING}


# -- words ----------------------------------------------------------------------------------------------------

SPELLED: dict[str, list[str]] = {
    "json-{problem.kind}": [f"json-{kind}" for kind in JsonProblemKind],
    "json-slip-{slip.kind}": [f"json-slip-{kind}" for kind in SlipKind],
    "file-{problem.problem}": [f"file-{problem}" for problem in FileProblem],
    "why-file-{problem.problem}": [f"why-file-{problem}" for problem in FileProblem],
    "trace-stop-fallback-{reason}": ["trace-stop-fallback-missing", "trace-stop-fallback-unreadable"],
}
"""Message ids that are put together in the source, and all they can become."""


def calls() -> Iterator[tuple[str, frozenset[str]]]:
    """Every ``message(...)`` in the package: the id, and the names of its arguments."""
    for path in sorted(Path(genfix.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "message":
                names = frozenset(keyword.arg or "" for keyword in node.keywords)
                for found in ids(node.args[0]):
                    yield found, names


def ids(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return ids(body) + ids(orelse)
        case ast.JoinedStr():
            return SPELLED[ast.unparse(node)[2:-1]]
        case _:
            raise AssertionError(ast.unparse(node))


CALLS = sorted({(found, tuple(sorted(names))) for found, names in calls()})


def test_the_source_was_really_scanned() -> None:
    assert len(CALLS) > 80
    assert {"json-too-deep", "why-file-link-outside", "stop-tokens-absent"} <= {found for found, _ in CALLS}


def test_there_are_no_words_that_nobody_says() -> None:
    assert {*ENGLISH} == {found for found, _ in CALLS}


@pytest.mark.parametrize(("found", "names"), CALLS, ids=[found for found, _ in CALLS])
def test_each_message_has_words_for_what_it_carries(found: str, names: tuple[str, ...]) -> None:
    blanks = {name for _, name, _, _ in string.Formatter().parse(ENGLISH[found]) if name}
    assert blanks <= {*names}
    values: list[JsonValue] = [
        None, True, 10**30, 1.5, "", "{0} {evil} %s", "\x1b[31m\u202e\n", [], [None, "\x07", 1, [2]], {"a": "\x1b"},
    ]  # fmt: skip
    for value in values:
        said = words(Message(found, dict.fromkeys(names, value)))
        assert said.isprintable()
        assert said
    assert not ENGLISH[found].endswith(".")


def test_the_traces_of_a_real_view_have_words_too() -> None:
    views = context(without(GLM, GEN, "tokenizer.model")).views.values()
    said = [words(entry) for view in views for entry in (*view.trace, *view.problems)]
    assert "generation_config.json is missing, so config.json gives {151329, 151336, 151338}" in said
    assert words(message("trace-stop-from", file="a", ids=[])) == "a gives {}"
