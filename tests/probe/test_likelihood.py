"""How likely a model finds known texts: what is believed of a server, what is added up, and what is said."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from genfix.api.likelihood import LikelihoodReport, measure_likelihood
from genfix.api.probing import Subject
from genfix.errors import GenfixError, InputError, ProbeError
from genfix.probe.likelihood.bits import divergence
from genfix.probe.likelihood.pointers import POINTED_TO
from genfix.probe.likelihood.scored_texts import built_in_texts, in_words, read_texts
from genfix.probe.probe_values import Limits
from genfix.rules import RULES
from tests.support import probe_stub as bad
from tests.support.folders import glm_files, write_folder
from tests.support.likelihood_stub import (
    Bits,
    as_llama_cpp_python,
    endless,
    logprobs,
    reply,
    scores,
    sends,
    spoiled,
)
from tests.support.probe_stub import Reply, Said, Status, Stub

FAST = Limits(request_seconds=1, total_seconds=10, retries=0)
CHARS = 4
Answers = Callable[[dict[str, Any]], Reply]


def per_character(bits: float) -> Bits:
    """Every character takes so many bits, wherever it stands."""
    return lambda token, start: bits * len(token)


def measured(answers: Answers, against: Answers | None = None, **options: Any) -> LikelihoodReport:
    with Stub(answers) as run:
        if against is None:
            return measure_likelihood(run.url, limits=FAST, **options)
        with Stub(against) as other:
            return measure_likelihood(run.url, against=other.url, limits=FAST, **options)


def ids(report: LikelihoodReport) -> list[str]:
    return [said.id for said in report.verdict]


@contextmanager
def failing(answers: Answers) -> Iterator[pytest.ExceptionInfo[ProbeError]]:
    with pytest.raises(ProbeError) as caught:
        measured(answers)
    yield caught
    assert caught.value.exit_code == 2


# What is added up -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [{}, {"bos": False}, {"size": 7}, {"size": 1, "bos": False}])
def test_bits_are_per_character_whatever_the_tokens_are(shape: dict[str, Any]) -> None:
    report = measured(scores(per_character(1.5), **shape))
    everything = report.groups[0]
    assert everything.name == "all"
    assert everything.run.per_character == pytest.approx(1.5)
    assert everything.run.texts == sum(not one.messages for one in built_in_texts()) - 2  # the long ones
    assert {group.name for group in report.groups} == {"all", "en", "zh", "prose", "code", "list"}
    assert report.run.bos is shape.get("bos", True)
    assert report.change is None


def test_the_first_token_counts_nowhere() -> None:
    """With a BOS it has a probability, and without one it has none."""
    odd: Bits = lambda token, start: 900.0 if start == 0 else len(token)  # noqa: E731
    for bos in (True, False):
        assert measured(scores(odd, bos=bos)).groups[0].run.per_character == pytest.approx(1)


LLAMA: Sequence[Mapping[str, Any]] = (
    {},
    {"written": ("的", "", "", "")},  # a character of four bytes
    {"written": (), "new": 1},  # a BOS
    {"written": (), "new": 0},  # an end
    {"blank": True},
)


@pytest.mark.parametrize("shape", LLAMA, ids=str)
def test_llama_cpp_python_does_not_show_its_bos(shape: Mapping[str, Any]) -> None:
    def answer(body: dict[str, Any]) -> Reply:
        return sends(as_llama_cpp_python(body["prompt"], per_character(2), bos=True, **shape))

    report = measured(answer)
    assert report.groups[0].run.per_character == pytest.approx(2)
    assert report.run.bos is True


@pytest.mark.parametrize("shape", [shape for shape in LLAMA if shape.get("written", "!")], ids=str)
def test_numbers_that_belong_to_other_tokens_are_not_taken(shape: Mapping[str, Any]) -> None:
    def answer(body: dict[str, Any]) -> Reply:
        # with tokens of one character, the last one looks new where a blank stands before them all
        return sends(as_llama_cpp_python(body["prompt"], per_character(2), bos=False, size=1, **shape))

    report = measured(answer)
    assert report.groups == ()
    assert "adds no BOS" in str(report.verdict[0])


def test_the_same_answers_give_the_same_interval() -> None:
    def uneven(token: str, start: int) -> float:
        return len(token) * (1 + ord(token[0]) % 7 / 7)

    runs = [measured(scores(uneven), scores(per_character(1))) for _ in range(2)]
    change = runs[0].change
    assert change is not None
    assert change.low is not None
    assert change.high is not None
    assert change.low < change.value < change.high
    assert runs[1].change == change


# What it points to ------------------------------------------------------------------------------------------


def test_two_that_are_alike() -> None:
    report = measured(scores(per_character(1)), scores(per_character(1)))
    assert ids(report) == ["likelihood-same", "likelihood-agreement"]
    assert report.agreement is not None
    assert report.agreement.same.value == 1
    assert report.agreement.divergence == 0


def test_a_little_more_is_what_training_costs() -> None:
    report = measured(scores(per_character(1.1)), scores(per_character(1)))
    assert ids(report) == ["likelihood-more", "likelihood-agreement"]
    assert "training on other texts costs some too" in str(report.verdict[0])


def test_fewer_bits_are_no_fault() -> None:
    assert ids(measured(scores(per_character(0.5)), scores(per_character(1))))[0] == "likelihood-less"


def test_much_more_on_everything_points_to_the_embedding() -> None:
    report = measured(scores(per_character(2.5)), scores(per_character(1)))
    assert ids(report)[:2] == ["likelihood-more", "likelihood-all"]


def test_worse_than_counting_letters_needs_no_base() -> None:
    report = measured(scores(per_character(12)))
    assert ids(report) == ["likelihood-below-letters", "likelihood-below-letters", "likelihood-alone"]


def test_what_grows_with_distance_points_to_rope() -> None:
    def far(token: str, start: int) -> float:
        return len(token) * (1 + min(start, 800) / 400)

    report = measured(scores(far), scores(per_character(1)))
    assert ids(report)[:2] == ["likelihood-more", "likelihood-far"]
    assert "GF712" in str(report.verdict[1])
    assert [place.start for place in report.places][:4] == [0, 100, 200, 400]


def test_more_tokens_point_to_the_tokenizer() -> None:
    report = measured(scores(per_character(1.6), size=1), scores(per_character(1), size=4))
    assert "likelihood-tokens" in ids(report)
    assert "is cut into 100 tokens per 100 characters, and by the other into 25" in str(report.verdict[1])
    assert report.agreement is None


def test_other_tokens_that_cost_nothing_are_no_fault() -> None:
    assert ids(measured(scores(per_character(1), size=1), scores(per_character(1)))) == ["likelihood-same"]


def test_one_language_alone_is_named() -> None:
    def worse(token: str, start: int) -> float:
        return len(token) * (3.0 if any(letter >= "一" for letter in token) else 1.0)

    report = measured(scores(worse), scores(per_character(1)))
    assert "likelihood-language" in ids(report)
    assert "only Chinese" in str(report.verdict[1])


def test_only_dialogues(tmp_path: Path) -> None:
    """The folder's chat template puts them into words."""
    folder = write_folder(tmp_path / "merged", glm_files())

    def worse(body: dict[str, Any]) -> Reply:
        return scores(per_character(4 if "<|user|>" in body["prompt"] else 1))(body)

    with Stub(worse) as run, Stub(scores(per_character(1))) as base:
        report = measure_likelihood(Subject(run.url, folder=str(folder)), against=base.url, limits=FAST)
    assert "dialogue" in {group.name for group in report.groups}
    assert ids(report)[1] == "likelihood-dialogue"


def test_dialogues_whose_special_tokens_are_hidden_are_left_out(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "merged", glm_files())

    def hides(body: dict[str, Any]) -> Reply:
        shown = re.sub(r"<\|\w+\|>|\[gMASK\]<sop>", "", body["prompt"])
        whole = as_llama_cpp_python(shown, per_character(1), bos=True)
        whole["choices"][0]["text"] = body["prompt"]
        return sends(whole)

    with Stub(hides) as run:
        report = measure_likelihood(Subject(run.url, folder=str(folder)), limits=FAST)
    assert (report.failure, "dialogue" in {group.name for group in report.groups}) == (None, False)
    assert report.groups[0].run.per_character == pytest.approx(1)
    assert "hides the special tokens" in str(report.verdict[-1])


def test_the_rules_that_are_named_exist() -> None:
    assert set(POINTED_TO) <= {*RULES}


def test_what_is_not_named_is_less_likely_than_what_is() -> None:
    """Five equal guesses of another kind: a token that is not among them has a fifth at most."""
    guesses = {name: math.log(0.2) for name in "vwxyz"}
    assert divergence({"a": math.log(0.9)}, guesses) == pytest.approx(
        0.9 * math.log2(4.5) + 0.1 * math.log2(0.1)
    )


def test_divergence_is_of_what_both_name() -> None:
    same = {"a": math.log(0.5), "b": math.log(0.25)}
    assert divergence(same, same) == 0
    assert divergence({"a": math.log(0.5)}, {"a": math.log(0.25)}) == pytest.approx(
        0.5 * math.log2(2) + 0.5 * math.log2(0.5 / 0.75)
    )


# Texts ------------------------------------------------------------------------------------------------------


def test_the_built_in_texts_are_in_both_languages_and_of_all_kinds() -> None:
    texts = built_in_texts()
    assert len({one.id for one in texts}) == len(texts)
    assert {(one.kind, one.language) for one in texts} >= {
        (kind, language) for kind in ("prose", "list", "dialogue", "long") for language in ("en", "zh")
    }
    assert all(len(one.text) > 180 for one in texts if not one.messages)
    assert all(one.text for one in in_words(texts, None))


def test_own_texts_are_measured_beside_the_built_in_ones(tmp_path: Path) -> None:
    plain, lines = tmp_path / "own.txt", tmp_path / "own.jsonl"
    plain.write_text("A first text that is long enough.\n\nshort\n\nA second text, long enough as well.\n")
    lines.write_text(json.dumps({"text": "Only one text, on one line of JSON."}) + "\n")
    assert [len(read_texts(file)) for file in (plain, lines)] == [2, 1]
    report = measured(scores(per_character(1)), texts=plain)
    assert {group.name: group.run.texts for group in report.groups}["own"] == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"", "there is no text"),
        ("a.txt", b"\xff\xfe", "not UTF-8"),
        ("a.jsonl", b'{"text": 1}\n', "line 1 has no text"),
        ("a.jsonl", b"[]\n", "line 1 is not a JSON object"),
        ("a.jsonl", b"{", "line 1 is not JSON"),
        ("a.jsonl", b'{"text": "\\ud800 is half of a character, it seems"}\n', "line 1 has no text"),
        ("a.txt", b"x" * 5_000_000, "more than the 4 MiB"),
        ("a.txt", b"long enough to be a text\n\n" * 501, "501 texts"),
    ],
)
def test_a_file_of_texts_that_is_none(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_texts(tmp_path / name)
    with pytest.raises(InputError, match="cannot read"):
        read_texts(tmp_path / "none.txt")


# Servers that give none, and broken ones --------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        lambda body: Status(404, "Not Found"),
        lambda body: Status(400, "Only no echo is supported"),
        lambda body: Status(500, "Only no echo is supported"),
        lambda body: sends({"choices": [{"text": "Yes.", "logprobs": None}]}),
        lambda body: sends({"choices": [{"text": body["prompt"] + "!", "logprobs": None}]}),
        lambda body: sends({"choices": [{"text": body["prompt"], "logprobs": {"content": []}}]}),
        lambda body: sends(reply(body["prompt"], {"tokens": ["!"], "token_logprobs": [-1.0]})),
    ],
)
def test_a_server_that_gives_none_is_one_sentence_and_no_failure(answers: Answers) -> None:
    report = measured(answers)
    assert ids(report) == ["likelihood-not-given"]
    assert report.failure is None
    assert not report.groups
    assert not report.places


@pytest.mark.parametrize(("name", "is_fatal"), [("another", True), ("merged", False)])
def test_a_name_that_the_server_does_not_list_is_no_model_of_it(name: str, *, is_fatal: bool) -> None:
    """Of one that it lists, the same status says that the model takes chats only, as OpenAI's do."""
    with Stub(lambda _: Status(404, f"The model {name} is not supported")) as server:
        subject = Subject(server.url, name)
        if is_fatal:
            with pytest.raises(GenfixError, match="lacks the model"):
                measure_likelihood(subject, limits=FAST)
        else:
            assert ids(measure_likelihood(subject, limits=FAST)) == ["likelihood-not-given"]


def test_a_text_that_is_too_long_for_the_server_is_left_out() -> None:
    def answer(body: dict[str, Any]) -> Reply:
        if len(body["prompt"]) > 600:
            return Status(400, "this model's maximum context length is 128 tokens")
        return scores(per_character(1))(body)

    report = measured(answer)
    assert report.groups[0].run.per_character == pytest.approx(1)
    assert ids(report)[-1] == "likelihood-left-out"
    assert report.failure is None


def _set(name: str, value: Callable[[list[Any]], object]) -> Callable[[dict[str, Any]], None]:
    def change(sound: dict[str, Any]) -> None:
        found = sound["choices"][0]["logprobs"]
        found[name] = value(found[name])

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set("token_logprobs", lambda old: [*old[:5], math.nan, *old[6:]]), "no logarithm of a probability"),
        (_set("token_logprobs", lambda old: [*old[:5], math.inf, *old[6:]]), "no logarithm of a probability"),
        (_set("token_logprobs", lambda old: [*old[:5], -math.inf, *old[6:]]), "no logarithm"),
        (_set("token_logprobs", lambda old: [*old[:5], 0.7, *old[6:]]), "0.7 is no logarithm"),
        (_set("token_logprobs", lambda old: [*old[:5], "x", *old[6:]]), "is no number"),
        (_set("token_logprobs", lambda old: [*old[:5], True, *old[6:]]), "is no number"),
        (_set("token_logprobs", lambda old: [*old[:5], 10**400, *old[6:]]), "is no number"),
        (_set("token_logprobs", lambda old: [*old[:5], None, *old[6:]]), "have no log probability"),
        (_set("token_logprobs", lambda old: old[:7]), "7 log probabilities"),
        (_set("token_logprobs", lambda old: {}), "not those of the completions API"),
        (_set("tokens", lambda old: [*old[:5], 7, *old[6:]]), "a token is no text"),
        (_set("top_logprobs", lambda old: [*old[:5], [1], *old[6:]]), "are no table"),
        (_set("top_logprobs", lambda old: [*old[:5], {"a": "b"}, *old[6:]]), "is no number"),
        (_set("top_logprobs", lambda old: [*old[:5], {"a": 3.0}, *old[6:]]), "no logarithm"),
        (lambda sound: {"choices": []}, "not the completions API"),
        (lambda sound: [], "no JSON object"),
        (lambda sound: sound["usage"].update(completion_tokens=900), "900 tokens where one was asked for"),
    ],
)
def test_what_is_no_log_probability_is_one_sentence(change: Callable[[Any], object], words: str) -> None:
    with failing(spoiled(change)) as caught:
        assert words in caught.value.message
        assert caught.value.hint


def test_fewer_tokens_than_text_are_noticed() -> None:
    def answer(body: dict[str, Any]) -> Reply:
        half = logprobs(body["prompt"][: len(body["prompt"]) // 2], per_character(1))
        return sends(reply(body["prompt"], half))

    with failing(answer) as caught:
        assert "of its" in caught.value.message


def test_more_tokens_than_bytes_are_noticed() -> None:
    def answer(body: dict[str, Any]) -> Reply:
        found = logprobs(body["prompt"], per_character(1))
        return sends(reply(body["prompt"], {name: values * 9 for name, values in found.items()}))

    with failing(answer) as caught:
        assert "more tokens than bytes" in caught.value.message


@pytest.mark.parametrize(
    "handler",
    [bad.hangs, bad.drips, endless, bad.one_endless_line, bad.is_no_http, bad.closes_at_once, bad.a_web_page],
)
def test_a_broken_server_is_one_sentence_in_time(handler: bad.Handler) -> None:
    with failing(lambda body: handler) as caught:
        assert caught.value.message


def test_a_server_that_breaks_down_in_the_middle() -> None:
    """What was scored is reported, and so is that something is missing."""
    count = 0

    def answer(body: dict[str, Any]) -> Reply:
        nonlocal count
        count += 1
        return scores(per_character(1))(body) if count < 9 else Status(500, "the engine is dead")

    report = measured(answer)
    assert report.groups[0].run.texts == 8
    assert report.failure is not None
    assert "the engine is dead" in str(report.failure.detail)


def test_a_refused_key_ends_it_at_once() -> None:
    with Stub(lambda body: Status(401, "no")) as server, pytest.raises(GenfixError, match="wants an API key"):
        measure_likelihood(server.url, limits=FAST)
    assert len(server.asked) == 1


def test_chat_answers_are_not_asked_for() -> None:
    with Stub(scores(per_character(1))) as server:
        measure_likelihood(server.url, limits=FAST)
    assert all("messages" not in body for body in server.asked)
    assert isinstance(scores(per_character(1))({"messages": []}), Said)
