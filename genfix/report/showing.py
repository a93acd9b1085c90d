"""`render`: any answer of genfix as text or as a part of an HTML page; and what values show of themselves."""

from typing import Literal, TypeAlias

from genfix.api.bases import BaseSearch, KnownModels
from genfix.api.changing import Repair
from genfix.api.engine_views import EngineReport
from genfix.api.judging import Report
from genfix.api.probing import ProbeReport
from genfix.api.weight_report import WeightReport
from genfix.errors import GenfixError
from genfix.language import Language
from genfix.message import Message
from genfix.planner.plan import Plan
from genfix.report.style import Style
from genfix.report.text import findings_text
from genfix.rules import Finding
from genfix.zoo.store_report import SweepReport

Showable: TypeAlias = (
    Report
    | Plan
    | Repair
    | EngineReport
    | WeightReport
    | ProbeReport
    | BaseSearch
    | KnownModels
    | SweepReport
    | Finding
    | Message
    | GenfixError
)
"""What can be said in words."""


def render(
    value: Showable,
    output_format: Literal["text", "html", "page"] = "text",
    *,
    lang: str = "en",
    width: int = 80,
    color: bool = False,
    verbose: bool = False,
) -> str:
    """An answer of genfix in words; what is printed nowhere is said here.

    Args:
        value: A report, a plan, a repair, a probe, ...; also a single finding, a sentence of one
            (``finding.message``) or an error, as text only.
        output_format: ``text`` as in a terminal; ``html``: a part of a page, without any script; ``page``: a
            whole page, as ``--output-format html`` writes it.
        lang: ``en`` or ``zh``.
        width: Columns to wrap at.
        color: Whether text has the colors of a terminal.
        verbose: Whether text has what is for information.

    Raises:
        ValueError: For a language that genfix does not speak.
        TypeError: For what has no such form: a finding as a page, say.

    """
    language = Language(lang)
    if output_format == "text":
        return shown_text(value, Style(color, width, language), verbose=verbose)
    return shown_html(value, language, is_part=output_format == "html")


def shown_text(value: object, style: Style = Style(), *, verbose: bool = False) -> str:  # noqa: B008 - a value
    """As `render`. Raises `TypeError` for what is no answer of genfix."""
    if isinstance(value, Message):
        return style.words(value)
    if isinstance(value, GenfixError):
        lines = [value.said, *([value.advice] if value.advice is not None else [])]
        return "\n".join(map(style.words, lines))
    if isinstance(value, Finding):
        return findings_text([value], style, verbose=True)
    return _judgement_text(value, style, verbose=verbose) or _answer_text(value, style, verbose=verbose)


def _judgement_text(value: object, style: Style, *, verbose: bool) -> str:
    from genfix.report.whole_texts import whole_plan, whole_repair, whole_report  # noqa: PLC0415 - asked for

    match value:
        case Report():
            return whole_report(value, style, verbose=verbose)
        case Plan():
            return whole_plan(value, style, verbose=verbose)
        case Repair():
            return whole_repair(value, style, verbose=verbose)
        case _:
            return ""


def _answer_text(value: object, style: Style, *, verbose: bool) -> str:
    from genfix.report.bases_report import candidates_text, models_text  # noqa: PLC0415 - where one is asked for
    from genfix.report.engines_report import engines_text  # noqa: PLC0415
    from genfix.report.probe_text import probe_text  # noqa: PLC0415
    from genfix.report.sweep_text import sweep_text  # noqa: PLC0415
    from genfix.report.weights_report import weights_text  # noqa: PLC0415

    match value:
        case EngineReport():
            return engines_text(value, style)
        case WeightReport():
            return weights_text(value, style)
        case ProbeReport():
            return probe_text(value, style, verbose=verbose)
        case BaseSearch():
            return candidates_text(value, style)
        case KnownModels():
            return models_text(value, style)
        case SweepReport():
            return sweep_text(value, style)
        case _:
            raise TypeError(f"genfix has no text for a {type(value).__name__}")


def shown_html(value: object, language: Language = Language.ENGLISH, *, is_part: bool = True) -> str:
    """As `render`. Raises `TypeError` for what has no page."""
    from genfix.report.html import check_page, plan_page  # noqa: PLC0415 - where one is asked for
    from genfix.report.html.sweep_page import sweep_page  # noqa: PLC0415
    from genfix.report.probe_html import probe_html  # noqa: PLC0415
    from genfix.report.weights_html import weights_page  # noqa: PLC0415

    match value:
        case Report():
            return check_page(value, lang=language, is_part=is_part)
        case Plan():
            return plan_page(value, lang=language, is_part=is_part)
        case Repair():
            is_done = value.receipt is not None or value.built is not None
            return plan_page(value.plan, done=is_done, lang=language, is_part=is_part)
        case WeightReport():
            return weights_page(value, language, is_part=is_part)
        case ProbeReport():
            return probe_html(value, language, is_part=is_part)
        case SweepReport():
            return sweep_page(value, language, is_part=is_part)
        case _:
            raise TypeError(f"genfix has no page for a {type(value).__name__}")
