"""GF112: an Ollama Modelfile beside the model, against the turn ends of its chat template.

Who is right: the chat template, which was trained.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder import FolderFileError
from genfix.json_types import JsonValue
from genfix.message import message
from genfix.model import TurnEnds
from genfix.model.modelfile import MODELFILE, read_modelfile
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Harm, Severity, Witness
from genfix.rules.core.questions import STOPS
from genfix.rules.core.rule import Rule, rule

_RUNTIME: Final = "llama.cpp"
"""What Ollama runs."""
_PRINT_ONE: Final = Fix.manual(
    message("why-modelfile", "`genfix modelfile` prints one with this model's template and turn ends")
)


@rule(
    "GF112",
    "modelfile-without-turn-end",
    Severity.ERROR,
    question=STOPS,
    harm=Harm.ENDLESS,
    shows="answers run past their end in Ollama",
)
def _modelfile(context: Context, rule: Rule) -> Iterator[Finding]:
    """An Ollama `Modelfile` beside the model has no `PARAMETER stop` for a turn end at which the model does
    not stop by itself, or a `TEMPLATE` that writes none of the turn ends.

    Why: Ollama ends an answer at the tokens that the GGUF names, at those that llama.cpp knows by their text,
    and at the texts of `PARAMETER stop`. Where none of them is the turn end, it never stops. A `TEMPLATE`
    takes the place of the chat template: without its turn ends prompts are unlike those of the training.

    Fix: None: `genfix modelfile` prints a right one.

    Safety: Manual: a Modelfile is its author's. Silent where the model stops by itself, as most do, and where
    the chat template tells no turn end. The template alone is a warning.

    Sources:
    - ollama fb3076099: parser/parser.go, template/template.go, llm/llama_server.go
    - docs.ollama.com/modelfile
    """
    ends = context.merged.turn_ends
    if not context.merged.has(MODELFILE) or not isinstance(ends, TurnEnds) or not ends.tokens:
        return
    try:
        content = context.merged.folder.read(MODELFILE).decode("utf-8", "replace")
    except FolderFileError:
        return
    said = read_modelfile(content)
    texts: list[JsonValue] = [*ends.tokens]
    stops = {*context.engine_views[_RUNTIME].stop_token_ids}
    ids = context.merged.end_ids
    if stops.isdisjoint(ids.values()) and not any(stop in ends.tokens for stop in said.stops):
        yield rule.finding(
            MODELFILE,
            message(
                "modelfile-without-stop",
                "has no PARAMETER stop for {ends}, and the model does not stop there by itself",
                ends=texts,
            ),
            witness=Witness.CHAT_TEMPLATE,
            pointer="/PARAMETER stop",
            engines=(_RUNTIME,),
            fix=_PRINT_ONE,
        )
    if said.template is not None and not any(end in said.template for end in ends.tokens):
        yield rule.finding(
            MODELFILE,
            message(
                "modelfile-template-without-end",
                "the TEMPLATE writes none of {ends}, with which the chat template ends a turn",
                ends=texts,
            ),
            severity=Severity.WARNING,
            witness=Witness.CHAT_TEMPLATE,
            pointer="/TEMPLATE",
            engines=(_RUNTIME,),
            fix=_PRINT_ONE,
        )


RULES: Final = (_modelfile,)
