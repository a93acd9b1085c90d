"""What is a loop and what is prose, in two languages."""

import re
from collections.abc import Iterator

import pytest

from genfix.probe import repetition
from genfix.probe.repetition import _PIECE, find_loop, pieces, seq_rep

PROSE_EN = """The lighthouse stood where the land gave up. Every evening Elias climbed the ninety-one steps,
trimmed the lamp, and wrote one line in a book that nobody read. On the first night of winter a letter lay on
the threshold. It had no stamp and no name, only a drawing of the lamp as it looks from far out. He turned it
over. On the back somebody had written: we came home by your light, all of us, and we never said so. He read
it twice, put it between the pages of the book, and for once he let the lamp burn into the morning."""
PROSE_ZH = (
    "灯塔立在陆地的尽头。"
    "每天傍晚，老人都要爬上九十一级台阶，剪好灯芯，再往一本没人看的本子里写上一行字。"
    "入冬的第一个夜里，门槛上放着一封信，\n"
    "没有邮票，也没有名字，只画着从远处海面望见的灯。"
    "他把信翻过来，背面写着：我们借着你的光回了家，一个也没有少，却从来没有对你说过。\n"
    "他读了两遍，把信夹进本子，那一夜，他让灯一直亮到了天明。"
)
POEM = """Row, row, row your boat,
Gently down the stream.
Merrily, merrily, merrily, merrily,
Life is but a dream."""
TABLE = "| name | days |\n|---|---|\n" + "\n".join(f"| item {place} | {place * 7} |" for place in range(9))
CODE = """def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


for n in range(10):
    print(n, fibonacci(n))"""


@pytest.mark.parametrize(
    "text",
    [PROSE_EN, PROSE_ZH, POEM, TABLE, CODE, "", "好的", "ha ha ha ha!", "-" * 400, "no no no", "哈哈哈哈哈哈",
        "1, 2, 3, 4, 5, 6"],
    ids=["en", "zh", "poem", "table", "code", "empty", "ok", "laugh", "rule", "no", "laugh-zh", "count"],
)  # fmt: skip
def test_what_people_write_is_no_loop(text: str) -> None:
    assert find_loop(text) is None


@pytest.mark.parametrize(
    ("text", "unit", "times"),
    [
        ("\nThe cat.<|user|>" * 12, "The cat.<|user|>", 12),
        (PROSE_EN + " I am sorry, I cannot do that." * 6, "I am sorry, I cannot do that.", 6),
        (PROSE_ZH + "我不知道这是怎么回事。" * 5, "我不知道这是怎么回事。", 5),
        ("谢谢！" * 20, "谢谢！", 20),
        ("word " * 300, "word", 300),
        (
            "A longer sentence that is said again. " * 4 + "A longer sent",
            "A longer sentence that is said again.",
            4,
        ),
    ],
)
def test_the_repeated_unit_is_named(text: str, unit: str, times: int) -> None:
    loop = find_loop(text)
    assert loop is not None
    assert sorted(pieces(loop.unit)) == sorted(pieces(unit))  # a loop that is cut off may begin within it
    assert loop.times == times


def test_a_loop_with_a_counter_is_found_by_its_share_of_repeats() -> None:
    text = "".join(
        f"Step {place}: take the next item of the list, look at it and put it back.\n" for place in range(30)
    )
    loop = find_loop(text)
    assert loop is not None
    assert loop.unit == ""
    assert loop.rep_4 > 0.5


@pytest.mark.parametrize("text", [PROSE_EN, PROSE_ZH])
def test_prose_has_the_share_of_repeats_that_was_published(text: str) -> None:
    assert seq_rep(pieces(text)) < 0.03


def test_seq_rep_counts_grams_that_came_before() -> None:
    assert seq_rep(["a", "b", "c", "d", "e"]) == 0
    assert seq_rep(["a", "b", "c", "d", "a", "b", "c", "d"]) == pytest.approx(1 / 5)
    assert seq_rep(["a", "b"]) == 0


def test_chinese_is_taken_by_the_character() -> None:
    assert pieces("你好，GLM-4！<|user|>") == ["你", "好", "，", "glm", "-", "4", "！", "<|user|>"]


def test_of_a_long_answer_the_end_is_looked_at_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_loop("ab " * 400_000) is not None
    assert find_loop("x" * 3_000_000 + "\nThe cat." * 12) is not None

    class Counting:
        seen = 0

        def finditer(self, text: str) -> Iterator[re.Match[str]]:
            self.seen += len(text)
            return _PIECE.finditer(text)

    counting = Counting()
    monkeypatch.setattr(repetition, "_PIECE", counting)
    find_loop("< " * 2_000_000)
    assert 0 < counting.seen < 1_000_000
