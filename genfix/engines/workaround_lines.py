"""What helps today where a folder cannot be changed: lines to start an engine with, or to put into a request.

A line is text for a shell, or a part of a request, with blanks: ``{model}`` the folder or repo, ``{fixed}`` a
repaired copy of its config files, ``{template}`` a file with the chat template, ``{ids}`` the stop ids and
``{words}`` their tokens as JSON, ``{texts}`` these as words of a shell, ``{sampling}`` the settings as JSON.

Measured: vLLM 0.32.0 on CPU, transformers 5.24.0, MLX-LM 0.32.2 and llama.cpp b11312 (the GGUF, in
llama-cpp-python 0.3.36), on tiny models (vLLM with GLM-4.5's too) that ran to the limit without the line and
stopped with it. Read: SGLang 0.5.23 (server_args.py, model_config.py), LMDeploy 0.18.0
(serve/openai/protocol.py), llama-server's flags (common/arg.cpp), Ollama fb3076099, mistral.rs 9e922623f,
mlx-vlm 0.7.10 (generate/dispatch.py), OpenVINO GenAI 2026.4.1.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple


class Trouble(StrEnum):
    """What an engine does wrong with a folder."""

    STOPS = "stops"
    """It does not end at a token at which it should."""
    TEMPLATE = "template"
    """It writes chats by another template, or by none."""
    SAMPLING = "sampling"
    """Requests that set nothing are sampled otherwise."""


class Proof(StrEnum):
    """How it is known that a line helps, or does not."""

    MEASURED = "measured"
    READ = "read"


class Workaround(NamedTuple):
    """One line, and what it is against."""

    trouble: Trouble
    line: str
    proof: Proof = Proof.READ
    helps: bool = True
    """False: it is what people try, and it has no effect."""


class Blanks(NamedTuple):
    """What fills a line; see the blanks above."""

    model: str
    fixed: str
    template: str
    ids: str
    words: str
    texts: str
    sampling: str


_STOPS, _TEMPLATE, _SAMPLING = Trouble
_MEASURED: Final = Proof.MEASURED
_REQUEST: Final = 'in each request: "stop_token_ids": {ids}'
_GGUF: Final = "genfix repair MODEL.gguf --base {fixed} --output NEW.gguf"

WORKAROUNDS: Final[Mapping[str, Sequence[Workaround]]] = {
    **dict.fromkeys(
        ("transformers5", "transformers4"),
        (
            Workaround(_STOPS, "model.generate(..., eos_token_id={ids})", _MEASURED),
            Workaround(
                _TEMPLATE,
                "tokenizer.apply_chat_template(..., chat_template=open('{template}').read())",
                _MEASURED,
            ),
            Workaround(_SAMPLING, "model.generate(..., **{sampling})"),
        ),
    ),
    "vllm": (
        Workaround(_STOPS, "vllm serve {model} --generation-config {fixed}", _MEASURED),
        Workaround(_STOPS, _REQUEST, _MEASURED),
        Workaround(
            _STOPS, "--override-generation-config '{{\"eos_token_id\": {ids}}}'", _MEASURED, helps=False
        ),
        Workaround(_STOPS, "--hf-overrides '{{\"eos_token_id\": {ids}}}'", _MEASURED, helps=False),
        Workaround(_STOPS, "--generation-config vllm", _MEASURED, helps=False),
        Workaround(_TEMPLATE, "vllm serve {model} --chat-template {template}", _MEASURED),
        Workaround(_SAMPLING, "vllm serve {model} --generation-config {fixed}"),
        Workaround(_SAMPLING, "vllm serve {model} --override-generation-config '{sampling}'", _MEASURED),
    ),
    "sglang": (
        Workaround(
            _STOPS,
            "python -m sglang.launch_server --model-path {model} "
            "--json-model-override-args '{{\"eos_token_id\": {ids}}}'",
        ),
        Workaround(_STOPS, _REQUEST),
        Workaround(
            _TEMPLATE, "python -m sglang.launch_server --model-path {model} --chat-template {template}"
        ),
    ),
    "lmdeploy": (Workaround(_STOPS, 'in each request: "stop": {words}'),),
    "llama.cpp": (
        Workaround(_STOPS, _GGUF, _MEASURED),
        Workaround(_TEMPLATE, "llama-server -m MODEL.gguf --jinja --chat-template-file {template}"),
        Workaround(_SAMPLING, _GGUF),
    ),
    "mlx-lm": (
        Workaround(_STOPS, "mlx_lm.generate --model {model} --extra-eos-token {texts}", _MEASURED),
        Workaround(_TEMPLATE, 'mlx_lm.server --model {model} --chat-template "$(cat {template})"'),
    ),
    "openvino-genai": (Workaround(_STOPS, "pipe.generate(..., stop_token_ids=set({ids}))"),),
    "mlx-vlm": (Workaround(_STOPS, "mlx_vlm.generate --model {model} --eos-tokens {texts}"),),
    "mistral.rs": (Workaround(_TEMPLATE, "Runner(which=..., jinja_explicit='{template}')"),),
    "ollama": (Workaround(_STOPS, _GGUF), Workaround(_STOPS, "PARAMETER stop {texts}", helps=False)),
}
"""By engine. One that is not here has no such line: what helps there is a repaired copy."""


def lines_for(engine: str, trouble: Trouble, blanks: Blanks) -> tuple[Workaround, ...]:
    """The lines of ``engine`` against ``trouble``, filled; those that help first."""
    found = [
        known._replace(line=known.line.format(**blanks._asdict()))
        for known in WORKAROUNDS.get(engine, ())
        if known.trouble is trouble
    ]
    return tuple(sorted(found, key=lambda known: not known.helps))
