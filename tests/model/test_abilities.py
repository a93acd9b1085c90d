"""What a chat template lets through, as conversations of words that occur nowhere else show."""

import pytest

from genfix.model.abilities import Ability
from genfix.model.turn_ends import TurnEnds, find_turn_ends
from tests.support.folders import CHATML, GLM_TEMPLATE

OPENED = CHATML.replace("{% if add_generation_prompt %}", "{% if true %}")
BARE = CHATML.partition("{% if add")[0]
ALWAYS = "{% for m in messages %}[{{ m.content }}]{% endfor %}"
CALLS = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content or '' }}{% for c in m.tool_calls or [] %}"
    "{{ c.function.name }}({{ c.function.arguments }}){% endfor %}\n{% endfor %}"
)
THINKS = CALLS.replace("{{ m.content", "{{ m.reasoning_content or '' }}{{ m.content")
PART = "{% for part in m.content %}{{ part.text }}{% endfor %}"
SEES = "{% for m in messages %}<{{ m.role }}>" + PART + "\n{% endfor %}"
TOLD = "{% for t in messages[0].tools or [] %}{{ t.function.description }}{% endfor %}" + ALWAYS


def of(template: str) -> frozenset[Ability]:
    found = find_turn_ends(template, ())
    assert isinstance(found, TurnEnds)
    return found.abilities


PLAIN = {Ability.CHAT, Ability.SYSTEM, Ability.RESULTS}
CALLING = PLAIN | {Ability.CALLS, Ability.NULL_CONTENT, Ability.TEXT_ARGUMENTS}


@pytest.mark.parametrize(
    ("template", "abilities"),
    [
        (CHATML, PLAIN | {Ability.PROMPT}),
        (BARE, PLAIN),
        (OPENED, PLAIN | {Ability.PROMPT}),
        (ALWAYS, PLAIN | {Ability.PROMPT}),
        (GLM_TEMPLATE, PLAIN | {Ability.PROMPT}),
        (CALLS, CALLING),
        (THINKS, CALLING | {Ability.REASONING}),
        ("{{ tools|tojson }}" + BARE, PLAIN | {Ability.TOOLS}),
        (TOLD, PLAIN | {Ability.PROMPT, Ability.TOOLS}),
        ("{{ raise_exception('no') }}", {Ability.PROMPT}),
    ],
)
def test_what_reaches_the_prompt(template: str, abilities: set[Ability]) -> None:
    assert of(template) == abilities


def test_content_in_parts_that_is_written_out_as_a_list_is_not_taken() -> None:
    assert Ability.PARTS in of(SEES)
    assert Ability.PARTS not in of(CHATML)
