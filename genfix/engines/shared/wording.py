"""Problems that several engines have, and where their stop ids come from, in one wording for all of them."""

from collections.abc import Iterable
from typing import Final

from genfix.engines.shared.view import Effect, Problem
from genfix.message import Message, message
from genfix.model.model import JsonFile

NO_ARCHITECTURE: Final = Problem(
    message("engine-cannot-tell-architecture", "config.json names no architecture")
)
NO_PROCESSOR: Final = Problem(message("engine-cannot-find-processor", "preprocessor_config.json is missing"))
NO_TOKENIZER: Final = Problem(
    message("engine-cannot-find-tokenizer", "there is no tokenizer.json and no other vocabulary")
)
UNREADABLE_GENERATION_CONFIG: Final = Problem(
    message("engine-cannot-read-generation-config", "generation_config.json cannot be read")
)


def unknown_type(kind: str) -> Problem:
    """A model type that it has no code for."""
    return Problem(
        message("engine-cannot-know-model-type", "model_type {name!r} is unknown there", name=kind)
    )


def missing_file(file: str) -> Problem:
    """A file that it does not do without."""
    return Problem(message("engine-cannot-find-file", "{file} is missing", file=file))


def missing_code_file(file: str) -> Problem:
    """Code of the folder's own that ends its start."""
    return Problem(message("engine-cannot-find-code", "{file} is missing", file=file))


def unreadable_file(file: str) -> Problem:
    """A file that ends its start."""
    return Problem(message("engine-cannot-read-file", "{file} cannot be read", file=file))


def unreadable_value(key: str, file: str) -> Problem:
    """A value that ends its start."""
    return Problem(message("engine-cannot-read-value", "it cannot read {key} of {file}", key=key, file=file))


def refused_value(key: str = "max_position_embeddings") -> Problem:
    """A value of config.json that it understands, and refuses."""
    return Problem(
        message("engine-cannot-take-value", "it does not take the value of {key} in config.json", key=key)
    )


def no_answer_for_eos(file: str) -> Problem:
    """Each request fails on what is no id to stop at."""
    return Problem(
        message(
            "engine-fails-on-eos",
            "a request gets no answer: eos_token_id of {file} is not a token id, nor a list of them",
            file=file,
        ),
        Effect.NO_ANSWER,
    )


def failing_setting(key: str, file: str) -> Problem:
    """A sampling setting that it checks when a request comes."""
    return Problem(
        message("engine-fails-on-setting", "every request fails on {key} of {file}", key=key, file=file),
        Effect.NO_ANSWER,
    )


def stop_from(file: str, ids: Iterable[int]) -> Message:
    """Ids that stand in a file."""
    return message("trace-stop-from", "{file} gives {ids}", file=file, ids=[*ids])


def stop_from_generation_config(file: JsonFile, ids: Iterable[int]) -> Message:
    """Ids of generation_config.json, or of config.json in its place."""
    if file.value is not None:
        return stop_from(file.name, ids)
    if file.unreadable:
        return message(
            "trace-stop-fallback-unreadable",
            "generation_config.json cannot be read, so config.json gives {ids}",
            ids=[*ids],
        )
    return message(
        "trace-stop-fallback-missing",
        "generation_config.json is missing, so config.json gives {ids}",
        ids=[*ids],
    )


def hidden_by_generation_config(ids: Iterable[int]) -> Message:
    """Ids of config.json that are passed over."""
    return message(
        "trace-config-eos-hidden",
        "config.json's {ids} are not asked, because generation_config.json is there",
        ids=[*ids],
    )


def stop_of_class(ids: Iterable[int]) -> Message:
    """Ids that no file gives."""
    return message(
        "trace-class-default", "no file gives an eos_token_id; the config class has {ids}", ids=[*ids]
    )


def stop_of_tokenizer(token: str | None, own: int) -> Message:
    """The tokenizer's own EOS."""
    return message("trace-tokenizer-eos", "the tokenizer's EOS {token} gives {ids}", token=token, ids=[own])


def stop_by_text(ids: Iterable[int]) -> Message:
    """Tokens that end generation whatever files say."""
    return message("trace-end-by-text", "tokens that end by their text give {ids}", ids=[*ids])
