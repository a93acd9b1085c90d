"""Blanks around tokens and words change nothing of what ends a turn."""

from collections.abc import Iterator

import pytest

from genfix.model.end_judge import EndSource
from genfix.model.turn_ends import TurnEnds, find_turn_ends


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def ends(template: str, *added: str) -> TurnEnds:
    result = find_turn_ends(template, added)
    assert isinstance(result, TurnEnds), result
    return result


def test_a_prompt_of_blanks_only_is_none() -> None:
    """What stands there always, as in the first Llama 3, opens the next turn and ends none."""
    template = (
        "{% for m in messages %}<{{ m.role }}>\n{{ m.content }}{% endfor %}<assistant>"
        "{% if add_generation_prompt %}{{ '\n' }}{% endif %}"
    )
    found = ends(template, "<user>", "<assistant>", "<tool>")
    assert (found.source, "<assistant>" in found.tokens) == (EndSource.NEXT_TURN, False)


@pytest.mark.parametrize(("before", "after"), [("", ""), (" ", ""), ("", "\n"), (" ", "\n")])
def test_blanks_around_a_closing_with_words(before: str, after: str) -> None:
    template = (
        "{% for m in messages %}<start>{{ m.role }}: {{ m.content }}"
        f"{{{{ '{before}<end>response<end>message<over>{after}' }}}}"
        "{% endfor %}{% if add_generation_prompt %}<start>assistant: {% endif %}"
    ).replace("\n", "\\n")
    assert ends(template, "<start>", "<end>", "<over>").tokens == ("<over>",)


@pytest.mark.parametrize("opens", ["\nAssistant: ", "Assistant:", " Assistant: "])
def test_blanks_around_the_words_that_open_the_next_turn(opens: str) -> None:
    template = (
        "{% for m in messages %}{% if m.role == 'user' %}\nUser: {{ m.content }}\n{% else %}"
        f"{{{{ '{opens}' }}}}" + "{{ m.content }}{% endif %}{% endfor %}<end>" + f"{{{{ '{opens}\n' }}}}"
    ).replace("\n", "\\n")
    found = ends(template, "<end>")
    assert (found.source, found.tokens) == (EndSource.LAST, ("<end>",))
