"""`workarounds`: what helps an engine today where the folder cannot be changed."""

import json
import os
from collections.abc import Iterator
from typing import NamedTuple, Unpack

from genfix.api.changing import plan_case
from genfix.api.engine_views import asked_engine
from genfix.api.keywords import PlanOptions
from genfix.api.opening import open_merged
from genfix.engines import EngineView
from genfix.engines.every import EVERY_ENGINE, engine_view
from genfix.engines.workaround_lines import Blanks, Trouble, Workaround, lines_for
from genfix.folder import OverlayFolder
from genfix.message import Message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE
from genfix.planner.plan import Plan
from genfix.resolver import download_line, is_address, is_on_hub
from genfix.resolver.case import Case, ModelLocation

FIXED = "NEW"
"""What lines call the repaired copy of the config files."""


class Helped(NamedTuple):
    """One thing that an engine does wrong, and the lines against it."""

    engine: str
    trouble: Trouble
    lines: tuple[Workaround, ...]
    """Those that help first; empty where none is known."""


class WorkaroundReport(NamedTuple):
    """What helps, engine by engine."""

    target: str
    base: str | None
    copy: str
    """The command that makes the copy that lines call `FIXED`; empty where nothing has a safe fix."""
    helped: tuple[Helped, ...]
    """Empty where every engine does with the folder what it would do with a repaired one."""
    notes: tuple[Message, ...] = ()


def workarounds(
    target: ModelLocation, base: ModelLocation | None = None, **options: Unpack[PlanOptions]
) -> WorkaroundReport:
    """What helps today where ``target`` cannot be changed. Nothing is written.

    What is wrong is what a repair would change for an engine: where it stops, which chat template it takes,
    how it samples.

    Args:
        target: The model's folder, or ``hf://org/name[@revision]``.
        base: The model it was made from, as for `plan`.
        options: As for `plan`; ``engines`` are those that are told of, by default those asked by default.

    Raises:
        GenfixError: As `plan` does, and with ``exit_code`` 2 for an engine that is not known.

    """
    return workarounds_of(Case(target, base, **options))


def workarounds_of(case: Case) -> WorkaroundReport:
    """As `workarounds`."""
    engines = [case.engines] if isinstance(case.engines, str) else case.engines
    asked = dict.fromkeys(asked_engine(name)[0] for name in engines) or EVERY_ENGINE
    made = plan_case(case._replace(engines=()))  # what harms one of them alone is found, too
    helped = [one for name in asked for one in _helped(name, made, case)]
    return WorkaroundReport(
        made.target, made.base, _copy_line(case) if made.changes else "", tuple(helped), made.notes
    )


def _helped(engine: str, made: Plan, case: Case) -> Iterator[Helped]:
    before, after = made.views_before.get(engine), made.views_after.get(engine)
    if engine not in EVERY_ENGINE:  # a plan has the views of those alone
        folder = open_merged(case)[0].folder
        then = OverlayFolder(folder, {change.name: change.after for change in made.changes})
        before, after = (engine_view(engine, Model(one)) for one in (folder, then))
    if before is None or after is None:
        return
    for trouble in _troubles(before, after):
        yield Helped(engine, trouble, lines_for(engine, trouble, _blanks(made, after)))


def _troubles(before: EngineView, after: EngineView) -> Iterator[Trouble]:
    if set(after.stop_token_ids) - set(before.stop_token_ids):
        yield Trouble.STOPS
    if before.chat_template != after.chat_template:
        yield Trouble.TEMPLATE
    if before.sampling != after.sampling:
        yield Trouble.SAMPLING


def _blanks(made: Plan, after: EngineView) -> Blanks:
    ids = [*after.stop_token_ids]
    texts = [made.tokens.get(number, "") for number in ids]
    source = after.chat_template.source if after.chat_template is not None else ""
    return Blanks(
        model=_quoted(_name_for_engines(made.target)),
        fixed=FIXED,
        template=f"{FIXED}/{JINJA_FILE}" if source == JINJA_FILE else "TEMPLATE.jinja",
        ids=json.dumps(ids),
        words=json.dumps([text for text in texts if text], ensure_ascii=False),
        texts=" ".join(_quoted(text) for text in texts if text),
        sampling=json.dumps(dict(after.sampling)),
    )


def _name_for_engines(target: str) -> str:
    """A folder's path, or the name that a repo has on the Hub."""
    return target.removeprefix("hf://").partition("@")[0] if target.startswith("hf://") else target


def _quoted(text: str | os.PathLike[str]) -> str:
    import shlex  # noqa: PLC0415 - only to print a command

    return shlex.quote(os.fspath(text))


def _copy_line(case: Case) -> str:
    """The command that makes a repaired copy of the config files; of a repo, of its download."""
    against = f" --base {_quoted(case.base)}" if case.base is not None else ""
    if not is_address(case.target):
        return f"genfix repair {_quoted(case.target)}{against} --output {FIXED} --config-only"
    brought = download_line(os.fspath(case.target)).removesuffix("merged")
    if not brought or not is_on_hub(case.target):
        return ""
    return f"{brought}{FIXED} --exclude '*.safetensors' && genfix repair {FIXED}{against}"
