"""What a finding does to the model."""

from genfix.rules.core.finding import Finding, Harm, Severity
from genfix.rules.core.registry import RULES


def harm(finding: Finding) -> Harm:
    """The harm of a finding: of an error its rule's, of anything else what its severity says."""
    if finding.severity is Severity.ERROR:
        return RULES[finding.code].harm
    return Harm.WORSE if finding.severity is Severity.WARNING else Harm.KNOWN
