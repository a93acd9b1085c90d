"""GF2xx: what genfix says about the chat template."""

import json

import pytest

from genfix.rules import Applicability, CopyField, RestoreFile, SetField, Severity
from tests.support.folders import (
    CHATML,
    CHATML_TOKENS,
    Files,
    added_tokens,
    chatml_files,
    dump,
    glm_files,
    vlm_files,
    with_json,
    with_token_list,
    without,
)
from tests.support.judging import find, only, repaired

JINJA = "chat_template.jinja"
INLINE = "tokenizer_config.json"


def inline(files: Files, template: object = ...) -> Files:
    """``files`` with that template in tokenizer_config.json."""
    return with_json(files, INLINE, chat_template=template)


def moved(files: Files) -> Files:
    """``files`` as transformers 5 saves them: the template in a file of its own, in one place."""
    text = json.loads(files[INLINE])["chat_template"]
    return without(inline(files), "chat_template.json") | {JINJA: text.encode()}


def test_a_lost_inline_template_is_an_error_and_is_copied() -> None:
    base = chatml_files()
    [finding] = find(inline(base), base, "GF2")
    assert (finding.code, finding.severity) == ("GF201", Severity.ERROR)
    assert finding.engines == ("transformers5", "vllm")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    assert finding.fix.operations == (CopyField(INLINE, "/chat_template"),)


def test_a_template_comes_back_in_each_place_the_base_has_it() -> None:
    base = vlm_files() | {JINJA: CHATML.encode()}
    [finding] = find(without(inline(base), JINJA, "chat_template.json"), base, "GF2")
    assert finding.fix is not None
    assert finding.fix.operations == (
        RestoreFile(JINJA),
        CopyField(INLINE, "/chat_template"),
        RestoreFile("chat_template.json"),
    )


@pytest.mark.parametrize("files", [chatml_files(), glm_files(), vlm_files()], ids=["chatml", "glm", "vlm"])
def test_a_template_moved_to_its_own_file_is_information_at_most(files: Files) -> None:
    assert {(f.code, f.severity) for f in find(moved(files), files)} == {("GF207", Severity.INFO)}


@pytest.mark.parametrize(
    "spelling", [CHATML + "\n", [{"name": "default", "template": CHATML}], {"default": CHATML}]
)
def test_another_spelling_of_the_same_template_is_nothing(spelling: object) -> None:
    base = chatml_files()
    assert find(inline(base, spelling), base) == []


def test_a_template_of_its_own_is_right() -> None:
    base = chatml_files()
    assert find(inline(base, CHATML + "{# mine #}"), base) == []


def test_a_template_the_base_does_not_have_either_is_not_missed() -> None:
    neither = inline(chatml_files())
    assert find(neither, neither) == []


def with_token(files: Files, text: str, token_id: int) -> Files:
    """``files`` with one more, or one moved, added token in tokenizer.json."""
    tokens = CHATML_TOKENS | {text: token_id}
    return with_json(
        files, "tokenizer.json", added_tokens=[{"id": i, "content": t} for t, i in tokens.items()]
    )


@pytest.mark.parametrize(("text", "token_id"), [("<|mine|>", 1003), ("<|im_end|>", 1005)])
def test_tokens_that_are_new_or_moved_speak_of_another_template(text: str, token_id: int) -> None:
    base = chatml_files()
    [finding] = find(with_token(inline(base), text, token_id), base, "GF201")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


def test_where_no_token_is_known_nothing_speaks_against_the_bases_template() -> None:
    base = chatml_files()
    [finding] = find(without(inline(base), "tokenizer.json"), base, "GF201")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


def test_a_template_that_comes_back_with_its_file_is_no_second_finding() -> None:
    base = chatml_files()
    assert find(without(base, INLINE), base, "GF2") == []
    assert find(base | {INLINE: b"{"}, base, "GF2") == []


def test_the_processors_own_copy_is_missed_beside_an_inline_one() -> None:
    base = vlm_files()
    [finding] = find(without(base, "chat_template.json"), base, "GF2")
    assert (finding.code, finding.severity, finding.file) == ("GF201", Severity.WARNING, "chat_template.json")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize("broken", [False, True])
def test_the_processors_copy_of_another_template_is_put_back_only_on_demand(*, broken: bool) -> None:
    base = vlm_files()
    merged = without(inline(base, CHATML + "{# mine #}"), "chat_template.json")
    if broken:
        merged |= {"chat_template.json": b"{"}
    [finding] = find(merged, base)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


@pytest.mark.parametrize("name", ["chat_template.json", "processor_config.json"])
def test_a_template_lost_inside_a_file_that_is_still_there_is_missed(name: str) -> None:
    base = inline(chatml_files()) | {name: dump({"chat_template": CHATML, "processor_class": "P"})}
    assert [f.code for f in find(base | {name: dump({"processor_class": "P"})}, base)] == ["GF201"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe"])
def test_a_template_file_that_no_engine_can_use_is_a_finding(content: bytes) -> None:
    base = moved(chatml_files())
    assert [f.severity for f in find(base | {JINJA: content}, base)] == [Severity.ERROR]


MINE = CHATML + "{# mine #}"


@pytest.mark.parametrize(
    ("first", "other", "base", "found"),
    [
        (CHATML, MINE, chatml_files(), [Severity.WARNING]),
        (CHATML, MINE, None, [Severity.INFO]),
        (CHATML, MINE, inline(chatml_files(), MINE) | {JINJA: CHATML.encode()}, [Severity.INFO]),
        (CHATML, MINE, inline(chatml_files(), MINE) | {JINJA: MINE.encode()}, [Severity.WARNING]),
        (CHATML + "\n\n", CHATML, chatml_files(), []),
        (CHATML.replace("\n", "\r\n"), CHATML.replace("\n", "\r"), chatml_files(), []),
        (CHATML + "\r\n", CHATML, chatml_files(), []),
        (CHATML + "{#- mine -#} \n \n", CHATML + "{#- mine -#}", None, []),
        (CHATML, ..., chatml_files(), []),
    ],
)
def test_two_copies_with_different_texts(
    first: str, other: object, base: Files | None, found: list[Severity]
) -> None:
    findings = find(inline(chatml_files(), other) | {JINJA: first.encode()}, base, "GF202")
    assert [finding.severity for finding in findings] == found
    for finding in findings:
        assert finding.fix is not None
        assert finding.fix.applicability is Applicability.UNSAFE
        assert finding.fix.operations == (SetField(INLINE, "/chat_template", CHATML),)


@pytest.mark.parametrize("more", [" ", "\n\n\n", "{{ '' }}\n\n"])
def test_white_space_that_is_rendered_is_another_text(more: str) -> None:
    [finding] = find(inline(chatml_files(), CHATML + more) | {JINJA: CHATML.encode()}, None, "GF202")
    assert finding.severity is Severity.INFO


def test_tokenizer_and_processor_may_have_templates_of_their_own() -> None:
    assert find(vlm_files(), None, "GF202") == []


BROKEN = [
    ("{% for m in messages %}", "syntax"),
    ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "security"),
    ("{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}", "timeout"),
]


@pytest.mark.parametrize(("template", "kind"), BROKEN, ids=[kind for _, kind in BROKEN])
def test_a_template_that_does_not_render_is_an_error_and_its_text_is_not_guessed(
    template: str, kind: str
) -> None:
    broken = inline(chatml_files(), template)
    found = only(find(broken, None, "GF203"), Applicability.MANUAL)
    assert found.severity is Severity.ERROR
    assert str(found.message.args["kind"]) == kind
    only(find(broken, chatml_files(), "GF203"), Applicability.UNSAFE)


def test_a_template_that_does_not_render_for_its_tags_is_the_bases() -> None:
    """A tag of training that is never closed: the rest is the base's text."""
    broken = inline(chatml_files(), CHATML.replace("{{ m.content }}", "{% generation %}{{ m.content }}"))
    found = only(find(broken, chatml_files(), "GF203"), Applicability.SAFE)
    assert found.severity is Severity.ERROR
    result = repaired(broken, chatml_files())
    assert find(result, chatml_files()) == []


def test_a_template_the_base_breaks_too_is_information() -> None:
    both = inline(chatml_files(), BROKEN[0][0])
    assert [finding.severity for finding in find(both, both, "GF203")] == [Severity.INFO]


@pytest.mark.parametrize(
    "template",
    [
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML,
        CHATML.replace("{{ m.content }}", "{% generation %}{{ m.content }}{% endgeneration %}"),
        "{{ strftime_now('%d %b %Y') }}" + CHATML,
        "plain text",
    ],
)
def test_a_template_that_engines_render_is_not_broken(template: str) -> None:
    assert find(inline(chatml_files(), template), None, "GF203") == []


def test_a_token_table_in_the_old_place_counts_as_well() -> None:
    base = inline(with_json(glm_files(), INLINE, added_tokens_decoder=added_tokens(CHATML_TOKENS)), CHATML)
    merged = with_json(base, INLINE, added_tokens_decoder=added_tokens({"<|im_end|>": 7}), chat_template=...)
    [finding] = find(merged, base, "GF201")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


# -- copies without a word -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_inline_text_is_no_template(text: str) -> None:
    base = chatml_files()
    [finding] = find(inline(base, text), base, "GF2")
    assert (finding.code, finding.severity, finding.pointer) == ("GF203", Severity.ERROR, "/chat_template")
    assert repaired(inline(base, text), base) == base


def test_an_empty_text_alone_is_a_warning_without_a_fix() -> None:
    finding = only(find(inline(chatml_files(), ""), None, "GF2"), Applicability.MANUAL)
    assert (finding.code, finding.severity) == ("GF203", Severity.WARNING)


@pytest.mark.parametrize("empty", [JINJA, INLINE])
def test_an_empty_copy_is_filled_with_the_folders_own_other_one(empty: str) -> None:
    both = chatml_files() | {JINJA: CHATML.encode()}
    broken = both | {JINJA: b"\n"} if empty == JINJA else inline(both, "")
    finding = only(find(broken, None, "GF2"), Applicability.SAFE)
    assert (finding.file, finding.severity) == (empty, "error" if empty == JINJA else "warning")
    assert find(repaired(broken, None), None, "GF2") == []


def test_an_empty_named_default_is_filled_where_it_stands() -> None:
    named = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": ""}]
    merged = repaired(inline(chatml_files(), named), chatml_files())
    kept = json.loads(merged[INLINE])["chat_template"]
    assert kept == [named[0], {"name": "default", "template": CHATML}]


def test_a_base_that_is_as_empty_makes_it_information() -> None:
    base = inline(chatml_files(), "")
    assert [finding.severity for finding in find(base, base, "GF2")] == [Severity.INFO]


def test_another_template_may_have_stood_where_tokens_were_added() -> None:
    base = chatml_files()
    merged = inline(with_token_list(base, CHATML_TOKENS | {"<tool>": 1003}), "")
    assert only(find(merged, base, "GF203"), Applicability.UNSAFE)


@pytest.mark.parametrize("base", [None, chatml_files()], ids=["alone", "its base"])
def test_a_syntax_error_is_mended_with_the_copy_that_renders(base: Files | None) -> None:
    both = chatml_files() | {JINJA: CHATML.encode()}
    broken = both | {JINJA: CHATML.replace("{% endfor %}", "{% endfor }", 1).encode()}
    finding = only(find(broken, base, "GF2"), Applicability.SAFE)
    assert (finding.code, finding.file, finding.severity) == ("GF203", JINJA, Severity.ERROR)
    assert repaired(broken, base)[JINJA] == both[JINJA]


def test_a_template_that_reaches_out_is_not_replaced_by_itself() -> None:
    broken = chatml_files() | {JINJA: b"{{ ''.__class__.__mro__ }}"}
    assert only(find(broken, None, "GF203"), Applicability.MANUAL)


def test_a_template_comes_back_with_the_bos_that_it_writes() -> None:
    template = "{{ bos_token }}" + CHATML
    base = with_json(
        chatml_files(), "tokenizer_config.json", chat_template=template, bos_token="<|endoftext|>"
    )
    merged = with_json(base, "tokenizer_config.json", chat_template=..., bos_token=...)
    result = json.loads(repaired(merged, base)["tokenizer_config.json"])
    assert (result["chat_template"], result["bos_token"]) == (template, "<|endoftext|>")
    meant = with_json(merged, "tokenizer_config.json", bos_token=None)
    assert json.loads(repaired(meant, base)["tokenizer_config.json"])["bos_token"] is None
