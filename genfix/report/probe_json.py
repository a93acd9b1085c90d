"""A probe for machines; the schema ships as ``genfix/report/schemas/probe.schema.json``."""

from collections.abc import Mapping
from dataclasses import asdict

from genfix.api.probing import ProbeReport, ProbeRun
from genfix.json_types import JsonValue
from genfix.message import Message
from genfix.probe.measuring import Comparison, Spread, Summary
from genfix.probe.probe_values import Answer, Measure
from genfix.probe.statistics import Interval
from genfix.report.json import SCHEMA_VERSION
from genfix.report.likelihood_json import likelihood_json
from genfix.report.quality_json import quality_json
from genfix.report.tasks_report import tasks_json


def probe_json(report: ProbeReport) -> JsonValue:
    """The whole report: measures, sums, and every answer."""
    limits = report.limits
    return {
        "schema_version": SCHEMA_VERSION,
        "prompts": str(report.prompts),
        "limits": {
            "max_tokens": limits.max_tokens,
            "request_seconds": limits.request_seconds,
            "total_seconds": limits.total_seconds,
            "concurrency": limits.concurrency,
        },
        "interrupted": report.interrupted,
        "run": _run(report.run),
        "against": _run(report.against) if report.against is not None else None,
        "comparison": _comparison(report.comparison) if report.comparison is not None else None,
        "quality": quality_json(report),
        "verdict": _messages(report.verdict),
        "notes": [str(note) for note in report.notes],
        "likelihood": likelihood_json(report.likelihood) if report.likelihood is not None else None,
        "tasks": tasks_json(report.tasks) if report.tasks is not None else None,
    }


def _run(run: ProbeRun) -> JsonValue:
    return {
        "target": run.label,
        "model": run.model,
        "engine": run.engine or None,
        "out_of_time": run.out_of_time,
        "sampling": {
            "temperature": run.sampling.temperature,
            "seed": run.sampling.seed,
            "keeps_seed": run.sampling.keeps_seed,
            "keeps_zero": run.sampling.keeps_zero,
            "has_temperature": run.sampling.has_temperature,
        },
        "summary": _summary(run.summary),
        "diagnosis": _messages(run.diagnosis),
        "answers": [_measure(one) for one in run.measures],
    }


def _messages(messages: tuple[Message, ...]) -> JsonValue:
    return [{"id": one.id, "message": str(one)} for one in messages]


def _summary(summary: Summary) -> JsonValue:
    return {
        "asked": summary.asked,
        "answered": summary.answered,
        "failed": summary.failed,
        "at_limit": summary.at_limit,
        "rates": _intervals(summary.rates),
        "tokens": _spread(summary.tokens),
        "seconds": _spread(summary.seconds),
        "first_seconds": _spread(summary.first_seconds),
        "tokens_per_second": _spread(summary.tokens_per_second),
        "turn_ends": {**summary.turn_ends},
        "leaked_markers": {**summary.leaked_markers},
        "tools": {str(verdict): count for verdict, count in summary.tools.items()},
    }


def _comparison(comparison: Comparison) -> JsonValue:
    return {
        "pairs": comparison.pairs,
        "rates": _intervals(comparison.rates),
        "counts": {name: {**pairs._asdict()} for name, pairs in comparison.counts.items()},
        "tokens": _rounded(comparison.tokens._asdict()) if comparison.tokens is not None else None,
    }


def _intervals(rates: Mapping[str, Interval]) -> JsonValue:
    return {name: _rounded(rate._asdict()) for name, rate in rates.items()}


def _rounded(numbers: Mapping[str, float]) -> JsonValue:
    return {name: round(value, 6) for name, value in numbers.items()}


def _spread(spread: Spread | None) -> JsonValue:
    return None if spread is None else _rounded(asdict(spread))


def _measure(one: Measure) -> JsonValue:
    failure, loop = one.answer.failure, one.loop
    return {
        "prompt": one.prompt.id,
        "group": one.prompt.group,
        "language": one.prompt.language,
        **_answer(one.answer),
        "stopped": one.stopped,
        "turn_end": one.turn_end,
        "leaks": [
            {"kind": str(leak.kind), "marker": leak.marker, "at": leak.at, "excerpt": leak.excerpt}
            for leak in one.leaks
        ],
        "loop": {"unit": loop.unit, "times": loop.times, "rep_4": round(loop.rep_4, 6)} if loop else None,
        "empty": one.empty,
        "tool": str(one.tool) if one.tool is not None else None,
        "tool_detail": str(one.tool_detail) if one.tool_detail else None,
        "failure": {"kind": str(failure.kind), "message": str(failure.detail)} if failure else None,
    }


def _answer(answer: Answer) -> dict[str, JsonValue]:
    return {
        "text": answer.text,
        "reasoning": answer.reasoning or None,
        "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in answer.tool_calls],
        "finish_reason": answer.finish_reason,
        "stop_reason": answer.stop_reason,
        "tokens": answer.tokens,
        "seconds": round(answer.seconds, 6),
        "first_seconds": round(answer.first_seconds, 6) if answer.first_seconds is not None else None,
    }
