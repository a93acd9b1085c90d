"""`engine_views`: what each engine would do with a folder."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Unpack

from genfix.api.keywords import OpenOptions
from genfix.api.opening import open_merged
from genfix.display import printed
from genfix.engines.every import EVERY_ENGINE, all_engines, engine_view
from genfix.engines.shared.release import release
from genfix.engines.shared.view import EngineView
from genfix.errors import InputError
from genfix.message import Message, text
from genfix.resolver import names_gguf
from genfix.resolver.case import Case, ModelLocation
from genfix.spelling import engine_advice


class EngineReport(NamedTuple):
    """What engines would do with one folder."""

    views: tuple[EngineView, ...]
    tokens: Mapping[int, str]
    """The folder's added tokens by id, for reading the stop ids."""
    notes: tuple[Message, ...] = ()
    """What the caller should know about how the folder was opened, a sentence each."""

    def __repr__(self) -> str:
        """Short: a vocabulary is large."""
        return f"<EngineReport: {', '.join(view.engine for view in self.views)}>"

    def __str__(self) -> str:
        return printed(self)


def engine_views(
    target: ModelLocation,
    *,
    engines: str | Collection[str] = (),
    everything: bool = False,
    **options: Unpack[OpenOptions],
) -> EngineReport:
    """How engines read the model folder ``target``: stop ids, sampling, chat template, context.

    Nothing is written.

    Args:
        target: The model's folder, or ``hf://org/name[@revision]``.
        engines: Names such as ``vllm``, or with a version or series (``vllm@0.6``); none: those asked by
            default, at the newest known.
        everything: Whether all engines are asked, those that are asked by name alone too.
        options: ``offline``, ``state_dir`` and ``progress``, as for `check`.

    Raises:
        GenfixError: With ``exit_code`` 2 where there is nothing to read, or for an engine that is not known
            or a version that is none.

    """
    names = [engines] if isinstance(engines, str) else engines
    return views_of_case(Case(target, **options), names, everything=everything)


def views_of_case(case: Case, engines: Collection[str], *, everything: bool = False) -> EngineReport:
    """As `engine_views`."""
    if names_gguf(case.target):
        from genfix.api.gguf_verbs import views_of_gguf  # noqa: PLC0415 - a folder needs none of it

        gguf, view, told = views_of_gguf(case, engines)
        return EngineReport((view,), dict(enumerate(gguf.token_texts)), told)
    named = [asked_engine(engine) for engine in engines]
    others = all_engines() if everything else () if named else EVERY_ENGINE
    asked = dict.fromkeys([*named, *((name, "") for name in others)])
    model, notes = open_merged(case)
    views = tuple(engine_view(name, model, version) for name, version in asked)
    return EngineReport(views, model.tokenizer.texts, notes)


def asked_engine(engine: str) -> tuple[str, str]:
    """Name and version of ``engine``, as options name it; the version is empty for the newest known.

    Raises:
        InputError: For an engine without a view, or a version that is none.

    """
    name, at, version = engine.partition("@")
    known = all_engines()
    if name not in known:
        raise InputError(text("there is no view of an engine '{name}'", name=name), engine_advice(name))
    try:
        release(version if at else known[name].version)
    except ValueError:
        raise InputError(
            text("'{version}' is no version of {name}", version=version, name=name),
            text("write for example {name}@{version}", name=name, version=known[name].version),
        ) from None
    return name, version
