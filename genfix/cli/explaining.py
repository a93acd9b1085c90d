"""The commands that tell about rules: explain, rules."""

from genfix.cli.output import Output
from genfix.errors import InputError
from genfix.rules import RULES


def run_explain(code: str, out: Output) -> int:
    """Print the documentation of one rule."""
    rule = next((rule for rule in RULES.values() if code.lower() in {rule.code.lower(), rule.name}), None)
    if rule is None:
        raise InputError("there is no rule {code}", "`genfix rules` lists all", code=code)
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
