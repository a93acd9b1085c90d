"""What genfix says of templates that some reader cannot use, and of templates that are not the
trained one.
"""

import json

import pytest

from genfix.rules import Applicability, CopyField, Severity, Witness
from genfix.rules.template.template_text import has_tags, renders_alike, untagged
from tests.support.folders import (
    CHATML,
    CHATML_TOKENS,
    Files,
    added_tokens,
    chatml_files,
    dump,
    vlm_files,
    with_head,
    with_json,
    with_token_list,
    without,
)
from tests.support.judging import find, only, plan, repaired

FAST, TOK = "tokenizer.json", "tokenizer_config.json"
JINJA, PROCESSOR, ADDITIONAL = (
    "chat_template.jinja",
    "chat_template.json",
    "additional_chat_templates/tool_use.jinja",
)

BASE = chatml_files()


def inline(text: object, files: Files = BASE) -> Files:
    """``files`` with that template in tokenizer_config.json."""
    return with_json(files, TOK, chat_template=text)


def as_file(text: str, files: Files = BASE) -> Files:
    """``files`` as transformers saves them today: that template in a file of its own only."""
    return inline(..., files) | {JINJA: text.encode()}


def template(files: Files) -> object:
    return json.loads(files[TOK]).get("chat_template")


# -- tags of training ----------------------------------------------------------------------------------------

TAGGED = CHATML.replace("{{ m.content }}", "{% generation %}{{ m.content }}{% endgeneration %}")
CLEAN = CHATML.replace("{{ m.content }}", "{# #}{{ m.content }}{# #}")


def test_training_tags_are_taken_out_of_every_copy() -> None:
    named = [{"name": "default", "template": TAGGED}, {"name": "rag", "template": "{{ messages }}"}]
    merged = inline(named) | {JINJA: TAGGED.encode(), ADDITIONAL: ("{#- x -#}" + TAGGED).encode()}
    finding = only(find(merged, BASE, "GF204"), Applicability.SAFE)
    assert (finding.file, finding.severity) == (ADDITIONAL, Severity.ERROR)
    assert repaired(merged, BASE) == inline([named[0] | {"template": CLEAN}, named[1]]) | {
        JINJA: CLEAN.encode(),
        ADDITIONAL: ("{#- x -#}" + CLEAN).encode(),
    }


def test_tags_in_the_processors_copy_count_as_well() -> None:
    base = vlm_files()
    merged = with_json(base, PROCESSOR, chat_template=TAGGED)
    assert json.loads(repaired(merged, base)[PROCESSOR]) == {"chat_template": CLEAN}


@pytest.mark.parametrize(
    ("tagged", "clean"),
    [
        ("a\n  {%- generation -%}\n b {% endgeneration -%} c", "a\n  {#- -#}\n b {# -#} c"),
        ("{%+ generation %}\n x {%endgeneration+%}\n", "{#+ #}\n x {# +#}\n"),
        (
            "{% generation  %}\n{{ eos_token }}\n  {%-  endgeneration %}\n",
            "{# #}\n{{ eos_token }}\n  {#- #}\n",
        ),
    ],
)
def test_the_white_space_around_a_tag_is_kept_or_lost_as_before(tagged: str, clean: str) -> None:
    assert untagged(tagged) == clean
    assert renders_alike(tagged, clean)


@pytest.mark.parametrize(
    "text",
    [
        "{#- Added {% generation %} for training -#}" + CHATML,
        "{% raw %}{% generation %}{% endraw %}" + CHATML,
        CHATML + "{% if add_generation_prompt %}{% set generation = 1 %}{% endif %}",
    ],
)
def test_a_word_about_tags_is_no_tag(text: str) -> None:
    assert not has_tags(text)
    assert untagged(text) == text
    assert find(inline(text), BASE, "GF204") == []


def test_tags_of_the_bases_own_are_information() -> None:
    finding = only(find(inline(TAGGED + "{# mine #}"), inline(TAGGED), "GF204"), Applicability.MANUAL)
    assert finding.severity is Severity.INFO


def test_without_a_base_tags_are_information_and_stay() -> None:
    finding = only(find(inline(TAGGED), None, "GF204"), Applicability.UNSAFE)
    assert finding.severity is Severity.INFO
    assert repaired(inline(TAGGED), None) == inline(TAGGED)
    assert repaired(inline(TAGGED), None, unsafe=True) == inline(CLEAN)


def test_a_template_that_leans_on_the_tags_scope_is_changed_on_demand_only() -> None:
    text = "{% set x = 'a' %}" + TAGGED.replace("{{ m.content }}", "{% set x = 'b' %}{{ m.content }}{{ x }}")
    text = text.replace("<|im_end|>", "{{ x }}<|im_end|>")
    only(find(inline(text), BASE, "GF204"), Applicability.UNSAFE)
    assert repaired(inline(text), BASE) == inline(text)


# -- texts that are no token ---------------------------------------------------------------------------------

TOOLS = CHATML.replace("<|im_start|>{{ m.role }}", "<|im_start|><|turn|>{{ m.role }}")
ZEPHYR = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{{ eos_token }}\n{% endfor %}"


def test_some_markers_that_are_no_token_are_a_warning() -> None:
    finding = only(find(inline(TOOLS), BASE, "GF205"), Applicability.MANUAL)
    assert (finding.severity, finding.message.args["tokens"]) == (Severity.WARNING, ["<|turn|>"])
    assert plan(inline(TOOLS), BASE, unsafe=True).changes == ()
    assert [f.severity for f in find(inline(TOOLS), None, "GF205")] == [Severity.INFO]


def test_markers_that_are_all_ordinary_text_are_information_against_a_base_only() -> None:
    assert [f.severity for f in find(inline(ZEPHYR), BASE, "GF205")] == [Severity.INFO]
    assert find(inline(ZEPHYR), None, "GF205") == []


def test_a_renamed_token_of_the_bases_template_is_found() -> None:
    tokens = {text: i for text, i in CHATML_TOKENS.items() if i != 1001} | {"<|other|>": 1001}
    assert [f.code for f in find(with_token_list(BASE, tokens), BASE, "GF205")] == ["GF205"]


@pytest.mark.parametrize(
    ("merged", "base", "adapter"),
    [
        (inline(TOOLS), inline(TOOLS), None),  # the base's own habit
        (inline(TOOLS), BASE, inline(TOOLS)),  # trained so
        (inline(untagged(TAGGED + TOOLS)), BASE, inline(TAGGED + TOOLS)),
        (inline(TOOLS, with_token_list(BASE, CHATML_TOKENS | {"<|turn|>": 1003})), BASE, None),
        (inline(TOOLS) | {"vocab.json": dump({"<|turn|>": 9})}, BASE, None),  # ordinary vocabulary
        (inline(TOOLS, without(BASE, FAST)), BASE, None),  # no table to tell
        (
            with_json(
                inline(TOOLS, without(BASE, FAST)),
                TOK,
                added_tokens_decoder=added_tokens(CHATML_TOKENS),
                auto_map={"AutoTokenizer": ["tokenization_x.X", None]},
            ),
            None,
            None,
        ),  # code of its own may know more
        (inline(CHATML.replace("<|im_end|>", "<|stop|>")), BASE, None),  # a turn end: GF107
    ],
)
def test_texts_that_may_be_meant_are_no_finding(
    merged: Files, base: Files | None, adapter: Files | None
) -> None:
    assert find(merged, base, "GF205", adapter) == []


# -- images --------------------------------------------------------------------------------------------------

SEEING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for c in m.content %}{% if c.type == 'image' %}<|image_pad|>{% else %}{{ c.text }}{% endif %}"
    "{% endfor %}"
    "{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
BLIND = SEEING.replace("<|image_pad|>", "")
VLM = with_token_list(
    with_json(vlm_files(), PROCESSOR, chat_template=SEEING), CHATML_TOKENS | {"<|image_pad|>": 1003}
)


def test_a_tokenizers_text_in_the_place_of_both_gives_way_to_the_processors() -> None:
    """The tokenizer alone was saved: its template of text only became chat_template.jinja."""
    merged = without(as_file(CHATML, VLM), PROCESSOR)
    finding = only(find(merged, VLM, "GF206"), Applicability.SAFE)
    assert (finding.file, finding.severity, finding.engines) == (JINJA, Severity.ERROR, ("transformers5",))
    assert repaired(merged, VLM) == merged | {PROCESSOR: VLM[PROCESSOR]}


def test_beside_additional_templates_the_text_itself_is_replaced() -> None:
    merged = without(as_file(CHATML, VLM), PROCESSOR) | {ADDITIONAL: CHATML.encode()}
    assert repaired(merged, VLM) == merged | {JINJA: SEEING.encode()}


def test_a_place_for_images_is_of_no_use_without_its_token() -> None:
    merged = with_token_list(without(as_file(CHATML, VLM), PROCESSOR), CHATML_TOKENS | {"<|mine|>": 1003})
    only(find(merged, VLM, "GF206"), Applicability.UNSAFE)


@pytest.mark.parametrize("unsafe", [False, True])
def test_a_template_of_its_own_without_images_is_replaced_on_demand_only(*, unsafe: bool) -> None:
    base = as_file(SEEING, without(VLM, PROCESSOR))
    merged = base | {JINJA: (BLIND + "{# mine #}").encode()}
    finding = only(find(merged, base, "GF206"), Applicability.UNSAFE)
    assert finding.engines == ("transformers5", "vllm")
    assert repaired(merged, base, unsafe=unsafe) == (base if unsafe else merged)


def test_it_is_safe_where_the_adapter_has_the_bases() -> None:
    base = as_file(SEEING, without(VLM, PROCESSOR))
    merged = base | {JINJA: CHATML.encode()}
    only(find(merged, base, "GF206", base), Applicability.SAFE)
    assert repaired(merged, base, base) == base


def test_the_processors_file_and_a_template_beside_the_config_are_put_right() -> None:
    merged = with_json(VLM, PROCESSOR, chat_template=CHATML)
    assert repaired(merged, VLM) == VLM
    base = as_file(SEEING, without(VLM, PROCESSOR))
    merged = without(inline(CHATML, VLM), PROCESSOR)
    result = repaired(merged, base, unsafe=True)
    assert (template(result), result[JINJA]) == (SEEING, SEEING.encode())


@pytest.mark.parametrize(
    ("merged", "base"),
    [
        (as_file(SEEING, without(VLM, PROCESSOR)), VLM),
        (as_file(SEEING + "{# mine #}", without(VLM, PROCESSOR)), VLM),
        (as_file(CHATML, VLM), VLM),  # the processor's own file comes first
        (without(VLM, PROCESSOR), VLM),  # told as missing
        (as_file(CHATML), VLM),  # no vision-language model any more
        (vlm_files(), vlm_files()),  # the base is blind itself
    ],
)
def test_a_template_that_sees_or_need_not_is_no_finding(merged: Files, base: Files) -> None:
    assert find(merged, base, "GF206") == []


# -- places that only new readers know -----------------------------------------------------------------------


def test_a_template_in_the_new_place_only_gets_its_old_place_on_demand() -> None:
    merged = as_file(CHATML)
    finding = only(find(merged, BASE, "GF207"), Applicability.UNSAFE)
    assert (finding.severity, finding.message.args["places"]) == (Severity.INFO, [TOK])
    assert repaired(merged, BASE) == merged
    assert repaired(merged, BASE, unsafe=True) == BASE | {JINJA: CHATML.encode()}


def test_the_processors_old_place_comes_back_where_the_text_is_the_same() -> None:
    merged = without(as_file(SEEING, VLM), PROCESSOR)
    result = repaired(merged, VLM, unsafe=True)
    assert (template(result), result[PROCESSOR]) == (SEEING, VLM[PROCESSOR])
    mine = merged | {JINJA: (SEEING + "{# mine #}").encode()}
    assert PROCESSOR not in repaired(mine, VLM, unsafe=True)
    assert PROCESSOR not in repaired(merged | {ADDITIONAL: b"x"}, VLM, unsafe=True)


@pytest.mark.parametrize(
    ("merged", "base"),
    [
        (as_file(CHATML), as_file(CHATML)),
        (as_file(CHATML), None),
        (BASE | {JINJA: CHATML.encode()}, BASE),
        (without(as_file(CHATML), TOK), BASE),  # it comes back with its file
    ],
)
def test_a_place_the_base_does_not_use_either_is_no_finding(merged: Files, base: Files | None) -> None:
    assert find(merged, base, "GF207") == []


# -- the trained template ------------------------------------------------------------------------------------


OURS = CHATML.replace("{{ m.role }}", "{{ m.role | upper }}")
OURS_TAGGED = TAGGED.replace("{{ m.role }}", "{{ m.role | upper }}")


def test_the_bases_template_gives_way_to_the_trained_one() -> None:
    finding = only(find(BASE, BASE, "GF208", inline(OURS)), Applicability.SAFE)
    assert (finding.file, finding.pointer, finding.severity) == (TOK, "/chat_template", Severity.ERROR)
    assert (finding.witness, finding.engines) == (Witness.ADAPTER, ("transformers5", "vllm"))
    assert template(repaired(BASE, BASE, inline(OURS))) == OURS
    assert template(repaired(BASE, BASE, as_file(OURS))) == OURS


def test_it_does_so_in_each_place_and_form() -> None:
    named = [{"name": "default", "template": CHATML}, {"name": "rag", "template": "{{ messages }}"}]
    merged = inline(named) | {JINJA: CHATML.encode()}
    assert repaired(merged, BASE, as_file(OURS)) == inline([named[0] | {"template": OURS}, named[1]]) | {
        JINJA: OURS.encode()
    }
    assert repaired(inline({"default": CHATML}), BASE, inline(OURS)) == inline({"default": OURS})


def test_a_missing_template_is_the_trained_one_and_not_the_bases() -> None:
    lost = inline(...)
    assert [finding.code for finding in find(lost, BASE, "GF2", inline(OURS))] == ["GF208"]
    assert template(repaired(lost, BASE, inline(OURS))) == OURS
    assert repaired(lost, lost, as_file(OURS)) == as_file(OURS)
    assert repaired(lost, None, as_file(OURS)) == as_file(OURS)
    assert repaired(lost, as_file(CHATML), as_file(OURS)) == as_file(OURS)
    assert [finding.code for finding in find(lost, BASE, "GF2", BASE)] == ["GF201"]


def test_a_tokenizer_config_of_the_bases_brings_no_template_to_stay() -> None:
    assert template(repaired(without(BASE, TOK), BASE, inline(OURS))) == OURS


def test_tags_of_the_training_are_left_out_of_the_trained_template() -> None:
    assert find(inline(CLEAN), BASE, "GF208", inline(TAGGED)) == []
    assert find(inline(CLEAN), BASE, "GF208", inline(TAGGED.replace("\n", "\r\n"))) == []
    assert find(BASE, BASE, "GF208", inline(CHATML)) == []
    assert template(repaired(BASE, BASE, inline(OURS_TAGGED))) == untagged(OURS_TAGGED)
    assert repaired(as_file(CHATML), BASE, as_file(OURS_TAGGED))[JINJA] == (untagged(OURS_TAGGED)).encode()


@pytest.mark.parametrize("base", [BASE, None])
def test_a_template_of_nobody_is_information(base: Files | None) -> None:
    merged = inline("Served." + CHATML)
    finding = only(find(merged, base, "GF208", inline(OURS)), Applicability.UNSAFE)
    assert (finding.severity, finding.engines) == (Severity.INFO, ())
    assert repaired(merged, base, inline(OURS)) == merged
    assert template(repaired(merged, base, inline(OURS), unsafe=True)) == OURS


MARKED = CHATML.replace("<|im_start|>", "<|turn|><|im_start|>")
MARKED_TOKENS = CHATML_TOKENS | {"<|turn|>": 1003}


def test_tokens_that_are_missing_here_come_first() -> None:
    """The trained tokenizer is put back, and the trained template with it: two rules and one result."""
    trained = inline(MARKED, with_token_list(BASE, MARKED_TOKENS))
    only(find(BASE, BASE, "GF208", trained), Applicability.UNSAFE)
    assert {finding.code for finding in find(BASE, BASE, "", trained)} >= {"GF208", "GF302"}
    assert repaired(BASE, BASE, trained) == BASE | {name: trained[name] for name in (FAST, TOK)}
    as_new = as_file(MARKED, trained)
    assert repaired(as_file(CHATML), as_file(CHATML), as_new) == as_file(CHATML) | {
        FAST: trained[FAST],
        JINJA: MARKED.encode(),
    }


def test_an_adapters_template_alone_has_to_fit_the_tokens_that_are_here() -> None:
    only(find(BASE, BASE, "GF208", {JINJA: MARKED.encode()}), Applicability.UNSAFE)
    only(find(BASE, BASE, "GF208", {JINJA: OURS.encode()}), Applicability.SAFE)
    only(find(without(BASE, FAST), BASE, "GF208", {JINJA: OURS.encode()}), Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("merged", "base", "adapter"),
    [
        (inline(OURS), BASE, inline(OURS + "\n")),
        (as_file(OURS), BASE, inline(OURS)),
        (inline(OURS), BASE, inline(OURS) | {JINJA: CHATML.encode()}),  # the adapter has two
        (BASE, BASE, inline("{#- for training -#}" + TAGGED)),  # renders the same
        (inline(OURS), BASE, inline(...)),  # an adapter without a template tells nothing
        (without(as_file(SEEING, VLM), PROCESSOR), VLM, as_file(CHATML)),  # both are the base's
        (VLM, VLM, without(as_file("{# trained #}" + SEEING, VLM), PROCESSOR)),  # the processor's copy
    ],
)
def test_the_trained_template_in_any_place_is_right(merged: Files, base: Files, adapter: Files) -> None:
    assert find(merged, base, "GF208", adapter) == []


# -- BOS twice -----------------------------------------------------------------------------------------------

START = "<|endoftext|>"
ADDS = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": START, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [],
    "special_tokens": {},
}
ONCE = with_head(
    with_json(
        inline("{{ bos_token }}" + CHATML),
        TOK,
        bos_token=START,
        tokenizer_class="LlamaTokenizer",
        add_bos_token=False,
    ),
    post_processor=None,
)
TWICE = with_head(ONCE, post_processor={"type": "Sequence", "processors": [{"type": "ByteLevel"}, ADDS]})


@pytest.mark.parametrize("flag", [True, ...])
def test_a_bos_that_the_tokenizer_began_to_add_is_a_warning(flag: object) -> None:
    merged = with_json(ONCE, TOK, add_bos_token=flag)
    finding = only(find(merged, ONCE, "GF209"), Applicability.UNSAFE)
    assert (finding.file, finding.pointer, finding.severity) == (TOK, "/add_bos_token", Severity.WARNING)
    assert repaired(merged, ONCE) == merged
    assert json.loads(repaired(merged, ONCE, unsafe=True)[TOK]) == json.loads(ONCE[TOK])


def test_a_bos_that_tokenizer_json_began_to_add_is_a_warning() -> None:
    finding = only(find(TWICE, ONCE, "GF209"), Applicability.UNSAFE)
    assert finding.fix is not None
    assert finding.fix.operations == (CopyField(FAST, "/post_processor"),)
    assert repaired(TWICE, ONCE, unsafe=True) == ONCE


def test_a_base_without_the_key_leaves_it_to_people() -> None:
    base = with_json(ONCE, FAST, post_processor=...)
    only(find(TWICE, base, "GF209"), Applicability.MANUAL)


def test_a_bos_written_out_counts_as_well() -> None:
    files = inline(START + CHATML, ONCE)
    assert [f.code for f in find(with_json(files, TOK, add_bos_token=True), files, "GF209")] == ["GF209"]


@pytest.mark.parametrize(
    ("merged", "base", "adapter"),
    [
        (TWICE, TWICE, None),  # Llama 3
        (TWICE, with_json(ONCE, TOK, add_bos_token=True), None),  # saved by another version
        (inline(CHATML, TWICE), ONCE, None),  # the template writes none
        (TWICE, ONCE, TWICE),  # trained so
        (with_json(ONCE, TOK, tokenizer_class="Qwen2Tokenizer", add_bos_token=True), ONCE, None),
        (with_json(TWICE, TOK, bos_token=...), ONCE, None),
    ],
)
def test_one_bos_or_two_from_the_start_are_no_finding(
    merged: Files, base: Files, adapter: Files | None
) -> None:
    assert find(merged, base, "GF209", adapter) == []


# -- the copies together -------------------------------------------------------------------------------------


def test_two_templates_apart_as_in_the_base_are_no_difference() -> None:
    merged = as_file(CHATML, VLM)
    assert find(merged, VLM, "GF202") == []
    other = with_json(merged, PROCESSOR, chat_template=SEEING + "{# other #}")
    assert [finding.file for finding in find(other, VLM, "GF202")] == [PROCESSOR]


@pytest.mark.parametrize("place", ["inline", "jinja"])
def test_a_processor_that_still_takes_the_bases_template_hides_the_changed_one(place: str) -> None:
    base = with_json(VLM, "config.json", model_type="qwen2_vl") | {"preprocessor_config.json": b"{}"}
    tuned = CHATML + "{# tuned #}"
    merged = inline(tuned, base) if place == "inline" else as_file(tuned, base)
    [finding] = find(merged, base, "GF202")
    assert (finding.file, finding.severity, finding.message.id) == (
        *(PROCESSOR, Severity.ERROR, "processor-template-hides"),
    )
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    without = {name: content for name, content in merged.items() if name != "preprocessor_config.json"}
    assert not [one for one in find(without, base, "GF202") if one.severity is Severity.ERROR]
    assert find(base, base, "GF202") == []
