"""A chat template as one of Ollama's, which are in Go's language: made from what it renders, and only where
every conversation that was tried comes out the same.

Read in ollama fb3076099: template/template.go (``Execute``): ``.System`` has the system turns, ``.Messages``
all turns; nothing but the prompt of the next answer follows the last one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from genfix.json_types import JsonObject, JsonValue
from genfix.model.conversations import ASK_1, ASK_2, REPLY_1, REPLY_2, SYSTEM
from genfix.model.template_render import Conversation, Rendered, render_template

_ASK_3: Final = "Qzaskthree"
_OF_TODAY: Final = re.compile(r"strftime|date_string|now\(")


class _Parts(NamedTuple):
    """What stands around the contents."""

    start: str
    """Where there is no system turn."""
    before_system: str
    after_system: str
    before_ask: str
    after_ask: str
    before_reply: str
    after_reply: str
    prompt: str

    def render(self, system: str | None, turns: Sequence[str]) -> str:
        """A chat that asks first and asks last."""
        text = self.start if system is None else f"{self.before_system}{system}{self.after_system}"
        for place, turn in enumerate(turns):
            around = (self.before_reply, self.after_reply) if place % 2 else (self.before_ask, self.after_ask)
            text += turn.join(around)
        return text + self.prompt


def go_template(template: str, tokens: Mapping[str, str]) -> str | None:
    """The template in Go's language; ``tokens`` are ``eos_token`` and the like. `None` where it has no such
    form, or says what day it is.
    """
    if _OF_TODAY.search(template):
        return None
    parts = _parts(template, tokens)
    if parts is None or any("{{" in part or "}}" in part for part in parts):
        return None
    chats = [
        (system, turns)
        for system in (None, SYSTEM)
        for turns in ([ASK_1], [ASK_1, REPLY_1, ASK_2], [ASK_1, REPLY_1, ASK_2, REPLY_2, _ASK_3])
    ]
    rendered = _rendered(template, tokens, [_chat(system, turns) for system, turns in chats])
    if rendered != [parts.render(system, turns) for system, turns in chats]:
        return None
    system = f"{{{{ if .System }}}}{parts.before_system}{{{{ .System }}}}{parts.after_system}"
    start = f"{{{{ else }}}}{parts.start}" if parts.start else ""
    return (
        f"{system}{start}{{{{ end }}}}{{{{ range .Messages }}}}"
        f'{{{{ if eq .Role "user" }}}}{parts.before_ask}{{{{ .Content }}}}{parts.after_ask}'
        f'{{{{ else if eq .Role "assistant" }}}}{parts.before_reply}{{{{ .Content }}}}{parts.after_reply}'
        f"{{{{ end }}}}{{{{ end }}}}{parts.prompt}"
    )


def _parts(template: str, tokens: Mapping[str, str]) -> _Parts | None:
    """What stands around the contents, by what the shortest chats render to; `None` where that varies."""
    short, answered = _chat(None, [ASK_1]), _chat(None, [ASK_1, REPLY_1])
    silent = [chat._replace(add_generation_prompt=False) for chat in (short, answered)]
    chats = [*silent, short, _chat(None, [ASK_1, REPLY_1, ASK_2]), _chat(SYSTEM, [ASK_1])]
    texts = _rendered(template, tokens, chats)
    if len(texts) < len(chats) or not texts[2].startswith(texts[0]):
        return None
    asked, replied, prompted, chatted, led = texts
    cuts = (
        asked.split(ASK_1),
        replied.split(REPLY_1),
        re.split(f"{ASK_1}|{REPLY_1}|{ASK_2}", chatted),
        re.split(f"{SYSTEM}|{ASK_1}", led),
    )
    if [len(cut) for cut in cuts] != [2, 2, 4, 3]:
        return None
    (head, after_ask), (_, after_reply), (_, middle, between, _), (before_system, after_system, _) = cuts
    # A reply may end only where another turn follows it, and a prompt for the next be written always.
    closings = [after_reply, between.removesuffix(_common_end(head, between))]
    for closing in closings:
        before_ask = between.removeprefix(closing)
        if between.startswith(closing) and head.endswith(before_ask) and after_system.endswith(before_ask):
            break
    else:
        return None
    if not middle.startswith(after_ask):
        return None
    return _Parts(
        start=head.removesuffix(before_ask),
        before_system=before_system,
        after_system=after_system.removesuffix(before_ask),
        before_ask=before_ask,
        after_ask=after_ask,
        before_reply=middle.removeprefix(after_ask),
        after_reply=closing,
        prompt=prompted.removeprefix(asked),
    )


def _common_end(one: str, other: str) -> str:
    """The longest end of both that does not begin within ``<|...|>``."""
    length = 0
    while length < min(len(one), len(other)) and one[-1 - length] == other[-1 - length]:
        length += 1
    before, common = one[: len(one) - length], one[len(one) - length :]
    if before.rfind("<") <= before.rfind(">"):
        return common
    return common[common.find("<") :] if "<" in common else ""


def _chat(system: str | None, turns: Sequence[str]) -> Conversation:
    messages: list[JsonObject] = [] if system is None else [{"role": "system", "content": system}]
    roles = ("user", "assistant")
    messages += [{"role": roles[place % 2], "content": turn} for place, turn in enumerate(turns)]
    return Conversation(tuple(messages), add_generation_prompt=True)


def _rendered(template: str, tokens: Mapping[str, str], chats: Sequence[Conversation]) -> list[str]:
    """The texts up to the first chat that does not render."""
    variables: dict[str, JsonValue] = {**tokens}
    texts: list[str] = []
    for result in render_template(template, chats, variables):
        if not isinstance(result, Rendered):
            break
        texts.append(result.text)
    return texts
