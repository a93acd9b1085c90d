"""`modelfile`: the Ollama Modelfile that a model needs, from its chat template and its turn ends."""

import os
from typing import NamedTuple, Unpack

from genfix.api.keywords import OpenOptions
from genfix.api.opening import open_merged
from genfix.engines import EngineView, llama_cpp
from genfix.engines.gguf_converter import adds_bos
from genfix.engines.gguf_runtime import runtime_view
from genfix.message import Message, text
from genfix.model import Model, TurnEnds
from genfix.model.abilities import Ability
from genfix.model.gguf_model import ADD_BOS
from genfix.model.go_template import go_template
from genfix.model.modelfile import quoted_value
from genfix.resolver import is_address, names_gguf
from genfix.resolver.case import Case, ModelLocation


class ModelfileText(NamedTuple):
    """A Modelfile, and what its reader should know."""

    content: str
    notes: tuple[Message, ...]

    def __str__(self) -> str:
        return self.content


def modelfile(target: ModelLocation, **options: Unpack[OpenOptions]) -> ModelfileText:
    """The Modelfile for a folder or a GGUF. Nothing is written.

    It has ``FROM``, ``PARAMETER stop`` for each turn end, and a ``TEMPLATE`` where the chat template has an
    exact form in Ollama's language and knows no tools. Raises as `check` does.
    """
    return modelfile_of(Case(target, **options))


def modelfile_of(case: Case) -> ModelfileText:
    """As `modelfile`."""
    model, view, bos, notes = _opened(case)
    lines, more = [f"FROM {_place(case.target)}"], list(notes)
    template, ends = model.chat_template, model.turn_ends
    written = None
    if template is None or not isinstance(ends, TurnEnds):
        more.append(text("there is no chat template to take turn ends from"))
    else:
        tokens = {
            name: text for name, text in model.tokenizer.named.items() if not (bos and name == "bos_token")
        }
        has_tools = Ability.TOOLS in ends.abilities
        written = None if has_tools else go_template(template.text, {"bos_token": "", **tokens})
        more.append(_of_template(has_tools=has_tools, is_written=written is not None))
    quoted = quoted_value(written) if written is not None else None
    if quoted is not None:
        lines.append(f"TEMPLATE {quoted}")
    stops = _stops(model, ends if isinstance(ends, TurnEnds) else None)
    lines += [f"PARAMETER stop {quote}" for stop in stops if (quote := quoted_value(stop)) is not None]
    ids = model.end_ids
    if ids and {*ids.values()}.isdisjoint(view.stop_token_ids):
        more.append(
            text(
                "the model does not stop at {ends} by itself, and a control token is no text to Ollama: "
                "repair it first (genfix check)",
                ends=[*ids],
            )
        )
    return ModelfileText("\n".join(lines) + "\n", tuple(more))


def _opened(case: Case) -> tuple[Model, EngineView, bool, tuple[Message, ...]]:
    """The model, what llama.cpp makes of it, and whether a BOS is put in front of a prompt anyway."""
    if names_gguf(case.target):
        from genfix.resolver.finder.gguf_target import open_gguf  # noqa: PLC0415 - a folder needs none of it

        gguf, notes = open_gguf(case.target, offline=case.offline)
        return gguf, runtime_view(gguf), gguf.header.value(ADD_BOS) is not False, notes
    model, notes = open_merged(case)
    return model, llama_cpp.view(model), adds_bos(model) is not False, notes


def _of_template(*, has_tools: bool, is_written: bool) -> Message:
    if is_written:
        return text("the TEMPLATE renders every chat that was tried as the chat template does")
    if has_tools:
        return text(
            "there is no TEMPLATE: it would lose the tools, and Ollama takes the model's own chat template"
        )
    return text(
        "there is no TEMPLATE: the chat template has no exact form in Ollama's language, and Ollama takes "
        "the model's own"
    )


def _stops(model: Model, ends: TurnEnds | None) -> list[str]:
    found = [*ends.tokens] if ends is not None else []
    eos = model.tokenizer.eos_token
    if eos is not None and (ends is None or ends.eos_variable):
        found.append(eos)
    return [*dict.fromkeys(found)]


def _place(target: ModelLocation) -> str:
    given = os.fspath(target)
    if is_address(given):  # where it is once it is downloaded
        given = given.partition("?")[0].rstrip("/").rpartition("/")[2]
    return given if os.path.isabs(given) or given.startswith(".") else f"./{given}"  # noqa: PTH117
