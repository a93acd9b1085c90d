"""The process that runs a model folder in an engine: a script of its own, started by `local_engine`.

``python -I child.py`` in an interpreter that has the engine. One JSON object is read from stdin: ``engine``,
``folder``, ``max_tokens``, ``seconds`` per prompt, ``temperature``, ``seed``, and ``prompts`` or ``texts``.
One JSON line is written when the model is loaded, and one per prompt as soon as it is answered, or per text
as soon as it is scored; ``{"error": kind, "detail": ...}`` ends it.

The folder's own code is never run and pickled weights are never read: engines are asked not to, and a folder
that cannot do without them is refused. Nothing of genfix is imported, since the engine's environment need not
have it.
"""

import json
import os
import site
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypedDict

_MAX_DETAIL: Final = 500
_ROWS: Final = 128
"""Places whose probabilities are worked out at a time: each has a number for every token there is."""
_TOP: Final = 5
_DISTRIBUTIONS: Final = {"transformers": "transformers", "mlx-lm": "mlx_lm"}


class Job(NamedTuple):
    """What is to be done."""

    engine: str
    folder: str
    max_tokens: int
    seconds: float
    temperature: float | None
    seed: int


class ChildPrompt(NamedTuple):
    """One prompt."""

    id: str
    messages: list[dict[str, object]]
    tools: list[dict[str, object]] | None


class Written(NamedTuple):
    """What a model wrote: ids, the one it stopped at included."""

    ids: list[int]
    finish_reason: str
    first_seconds: float | None


class Cut(NamedTuple):
    """A text as tokens, and where each begins in characters; the first ones may be a BOS `before` it."""

    ids: list[int]
    starts: list[int]
    before: int


class Scores(NamedTuple):
    """Logarithms of probabilities: of each token from the second one on, and of the likeliest there."""

    given: list[float]
    top: list[list[tuple[int, float]]]


class _Encoded(TypedDict, total=False):
    input_ids: list[int]
    offset_mapping: list[tuple[int, int]]


class _Tokenizer(Protocol):
    all_special_ids: list[int]

    def __call__(self, text: str, *, return_offsets_mapping: bool = False) -> _Encoded: ...
    def decode(self, ids: list[int]) -> str: ...
    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]: ...


class LoadedModel(Protocol):
    """A loaded model."""

    tokenizer: _Tokenizer

    def scores(self, ids: list[int]) -> Scores:
        """How likely the model finds each token after those before it."""
        ...

    def answer(self, asked: ChildPrompt) -> Written:
        """What the model writes after the prompt."""
        ...

    def text(self, ids: list[int]) -> str:
        """Ids as text, special tokens included."""
        ...


class EngineRefusalError(Exception):
    """The engine cannot run this folder."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class PromptRefusedError(Exception):
    """The chat template takes no such prompt."""


@contextmanager
def _rendering() -> Iterator[None]:
    """A template raises what it likes."""
    try:
        yield
    except Exception as error:
        raise PromptRefusedError(str(error)[:_MAX_DETAIL]) from error


def _cut(tokenizer: _Tokenizer, text: str) -> Cut:
    """A text by a tokenizer of transformers: one in Python alone cannot say where its tokens begin."""
    try:
        encoded = tokenizer(text, return_offsets_mapping=True)
    except NotImplementedError:
        encoded = tokenizer(text)
    ids, special = encoded["input_ids"], set(tokenizer.all_special_ids)
    before, end = 0, len(ids)
    while before < end and ids[before] in special and not text.startswith(tokenizer.decode([ids[before]])):
        before += 1
    while end > before and ids[end - 1] in special and not text.endswith(tokenizer.decode([ids[end - 1]])):
        end -= 1
    if "offset_mapping" in encoded:
        starts = [start for start, _ in encoded["offset_mapping"][:end]]
    else:
        starts = [len(tokenizer.decode(ids[before:place])) for place in range(end)]
    return Cut(ids[:end], starts, before)


class _Transformers:
    """``generate()`` with the folder's own generation config."""

    def __init__(self, job: Job) -> None:
        self.torch, transformers = import_module("torch"), import_module("transformers")
        transformers.logging.set_verbosity_error()
        safe = {"trust_remote_code": False, "local_files_only": True}
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(job.folder, **safe)
        try:
            loader = transformers.AutoModelForCausalLM
            self.model = loader.from_pretrained(job.folder, use_safetensors=True, dtype="auto", **safe)
        except ValueError:
            loader = getattr(transformers, "AutoModelForImageTextToText", None)
            if loader is None:
                raise
            self.model = loader.from_pretrained(job.folder, use_safetensors=True, dtype="auto", **safe)
        self.device = "cuda" if self.torch.cuda.is_available() else "cpu"
        self.model.to(self.device)
        self.job = job
        eos = self.model.generation_config.eos_token_id
        self.ends = set(eos if isinstance(eos, list) else [eos])

    def answer(self, asked: ChildPrompt) -> Written:
        with _rendering():
            given = self.tokenizer.apply_chat_template(
                asked.messages,
                tools=asked.tools,
                add_generation_prompt=True,
                return_dict=True,
                return_tensors="pt",
            )
        # Not token_type_ids: some tokenizers make them, and no language model takes them.
        inputs = {
            name: given[name].to(self.device) for name in ("input_ids", "attention_mask") if name in given
        }
        self.torch.manual_seed(self.job.seed)
        sampling: dict[str, object] = {}
        if self.job.temperature is not None:
            sampling = {"do_sample": self.job.temperature > 0}
            sampling |= {"temperature": self.job.temperature} if self.job.temperature else {}
        output = self.model.generate(
            **inputs, max_new_tokens=self.job.max_tokens, max_time=self.job.seconds, **sampling
        )
        ids = output[0, inputs["input_ids"].shape[1] :].tolist()
        if ids and ids[-1] in self.ends:
            return Written(ids, "stop", None)
        return Written(ids, "length" if len(ids) >= self.job.max_tokens else "time", None)

    def text(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=False))

    def scores(self, ids: list[int]) -> Scores:
        found = Scores([], [])
        with self.torch.no_grad():
            logits = self.model(input_ids=self.torch.tensor([ids], device=self.device)).logits[0]
            for place in range(0, len(ids) - 1, _ROWS):
                wanted = self.torch.tensor(ids[place + 1 : place + 1 + _ROWS])
                rows = logits[place : place + len(wanted)].float().log_softmax(-1).cpu()
                found.given.extend(rows[range(len(wanted)), wanted].tolist())
                best = rows.topk(_TOP)
                for names, numbers in zip(best.indices.tolist(), best.values.tolist(), strict=True):
                    found.top.append([*zip(names, numbers, strict=True)])
        return found


class _MlxLm:
    """``stream_generate()`` of MLX-LM."""

    def __init__(self, job: Job) -> None:
        config = json.loads(Path(job.folder, "config.json").read_text("utf-8"))
        if isinstance(config, dict) and config.get("model_file"):
            raise EngineRefusalError("custom-code", "config.json names model code of its own (model_file)")
        self.mlx_lm, self.random = import_module("mlx_lm"), import_module("mlx.core").random
        loaded = self.mlx_lm.load(job.folder, tokenizer_config={"trust_remote_code": False})
        self.model, self.tokenizer = loaded[0], loaded[1]
        self.sampler = import_module("mlx_lm.sample_utils").make_sampler(temp=job.temperature or 0.0)
        self.job = job

    def answer(self, asked: ChildPrompt) -> Written:
        with _rendering():
            prompt = self.tokenizer.apply_chat_template(
                asked.messages, tools=asked.tools, add_generation_prompt=True
            )
        self.random.seed(self.job.seed)
        started, ids, first, reason = time.monotonic(), [], None, "time"
        written = self.mlx_lm.stream_generate(
            self.model, self.tokenizer, prompt, max_tokens=self.job.max_tokens, sampler=self.sampler
        )
        for piece in written:
            first = time.monotonic() - started if first is None else first
            ids.append(int(piece.token))
            if piece.finish_reason is not None:
                reason = str(piece.finish_reason)
            elif time.monotonic() - started > self.job.seconds:
                break
        return Written(ids, reason, first)

    def text(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids))

    def scores(self, ids: list[int]) -> Scores:
        mx, found = import_module("mlx.core"), Scores([], [])
        logits = self.model(mx.array([ids]))[0].astype(mx.float32)
        rows = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        best = mx.argsort(-rows, axis=-1)[:, :_TOP]
        for place, token in enumerate(ids[1:]):
            found.given.append(float(rows[place, token]))
            found.top.append([(int(name), float(rows[place, int(name)])) for name in best[place]])
        return found


_LOADERS: Final[dict[str, Callable[[Job], LoadedModel]]] = {"transformers": _Transformers, "mlx-lm": _MlxLm}


def _answers(engine: LoadedModel, prompts: list[ChildPrompt]) -> Iterator[dict[str, object]]:
    for asked in prompts:
        started = time.monotonic()
        try:
            written = engine.answer(asked)
        except PromptRefusedError as error:
            yield {"id": asked.id, "unsupported": str(error)}
            continue
        stopped = written.finish_reason == "stop"
        yield {
            "id": asked.id,
            "text": engine.text(written.ids[:-1] if stopped else written.ids),
            "token_ids": written.ids,
            "finish_reason": written.finish_reason,
            "stop_reason": written.ids[-1] if stopped else None,
            "seconds": time.monotonic() - started,
            "first_seconds": written.first_seconds,
        }


def _scored(engine: LoadedModel, texts: list[dict[str, str]]) -> Iterator[dict[str, object]]:
    names = engine.tokenizer.convert_ids_to_tokens
    for asked in texts:
        cut = _cut(engine.tokenizer, asked["text"])
        found = engine.scores(cut.ids)
        tops = [
            dict(zip(names([one for one, _ in top]), [p for _, p in top], strict=True)) for top in found.top
        ]
        # The first token has no number where nothing stands before it.
        yield {
            "id": asked["id"],
            "bos": cut.before > 0,
            "starts": cut.starts[cut.before :],
            "tokens": names(cut.ids[cut.before :]),
            "logprobs": [None, *found.given][cut.before :],
            "top": [{}, *tops][cut.before :],
        }


def _refusal(error: Exception) -> dict[str, object]:
    detail = " ".join(str(error).split())[:_MAX_DETAIL]
    if isinstance(error, EngineRefusalError):
        kind = error.kind
    elif isinstance(error, ImportError):
        kind = "no-engine"
    elif "trust_remote_code" in detail or "custom code" in detail:
        kind = "custom-code"
    else:
        kind, detail = "failed", f"{type(error).__name__}: {detail}"
    return {"error": kind, "detail": detail}


def _version(engine: str) -> str:
    try:
        return version(_DISTRIBUTIONS[engine])
    except PackageNotFoundError:
        return ""


def _run(request: dict[str, object], out: int) -> int:
    def write(line: dict[str, object]) -> None:
        rest = (json.dumps(line) + "\n").encode()
        while rest:
            rest = rest[os.write(out, rest) :]

    prompts = [ChildPrompt(**asked) for asked in request.pop("prompts", [])]  # type: ignore[attr-defined]
    texts: list[dict[str, str]] = request.pop("texts", [])  # type: ignore[assignment]
    job = Job(**request)  # type: ignore[arg-type]
    try:
        engine = _LOADERS[job.engine](job)
        write({"ready": _version(job.engine)})
        for line in chain(_answers(engine, prompts), _scored(engine, texts)):
            write(line)
    except Exception as error:  # noqa: BLE001 - whatever a model or its code raises
        write(_refusal(error))
        return 1
    return 0


def main() -> int:
    """Run from the command line."""
    # -I hides what the user installed for himself, and the engine may be there.
    sys.path.append(site.getusersitepackages())
    out = os.dup(1)
    os.dup2(2, 1)  # engines print: only answers may reach the pipe
    request: dict[str, object] = json.loads(sys.stdin.buffer.read())
    return _run(request, out)


if __name__ == "__main__":
    sys.exit(main())
