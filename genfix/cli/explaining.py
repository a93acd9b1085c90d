"""The commands that tell about rules: explain, rules."""

from genfix.cli.output import Output
from genfix.rules import RULES


def run_explain(code: str, out: Output) -> int:
    """Print the documentation of one rule."""
    rule = RULES[code]
    if out.wants_json:
        from genfix.report.json import dumps, rules_json  # noqa: PLC0415

        out.report(dumps(rules_json([rule])))
    else:
        from genfix.report.text import explanation  # noqa: PLC0415

        out.report(explanation(rule, out.style))
    return 0


def run_rules(out: Output) -> int:
    """List all rules."""
    if out.wants_json:
        from genfix.report.json import dumps, rules_json  # noqa: PLC0415

        out.report(dumps(rules_json()))
    else:
        from genfix.report.text import rules_text  # noqa: PLC0415

        out.report(rules_text(out.style))
    return 0
