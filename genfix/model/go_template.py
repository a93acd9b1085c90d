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
    short = _chat(None, [ASK_1])
    chat, with_system = _chat(None, [ASK_1, REPLY_1, ASK_2]), _chat(SYSTEM, [ASK_1])
    texts = _rendered(
        template, tokens, [short._replace(add_generation_prompt=False), short, chat, with_system]
    )
    if len(texts) < 4 or not texts[1].startswith(texts[0]):
        return None
    asked, prompted, chatted, led = texts
    cuts = (
        asked.split(ASK_1),
        re.split(f"{ASK_1}|{REPLY_1}|{ASK_2}", chatted),
        re.split(f"{SYSTEM}|{ASK_1}", led),
    )
    if [len(cut) for cut in cuts] != [2, 4, 3]:
        return None
    (head, after_ask), (_, middle, between, _), (before_system, after_system, _) = cuts
    prompt = prompted[len(asked) :]
    # What opens a question is what both the first one and the second one have before them.
    common = 0
    while common < min(len(head), len(between)) and head[-1 - common] == between[-1 - common]:
        common += 1
    before_ask = head[len(head) - common :]
    if not middle.startswith(after_ask) or not after_system.endswith(before_ask):
        return None
    return _Parts(
        start=head[: len(head) - common],
        before_system=before_system,
        after_system=after_system[: len(after_system) - common],
        before_ask=before_ask,
        after_ask=after_ask,
        before_reply=middle[len(after_ask) :],
        after_reply=between[: len(between) - common],
        prompt=prompt,
    )


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
