"""From a format's name to the renderer that writes it; renderers are imported when they are asked for."""

from collections.abc import Sequence

from genfix.cli.choices import Format
from genfix.report.outcome import Failure, Outcome
from genfix.version import __version__


def rendered(outcome: Outcome, output_format: Format, *, verbose: bool, command: str = "") -> str:
    """An outcome as SARIF, as annotations or lines, as a report of a CI, as a patch or as Markdown."""
    match output_format:
        case Format.SARIF:
            from genfix.report.json import dumps  # noqa: PLC0415
            from genfix.report.sarif import sarif_json  # noqa: PLC0415

            return dumps(sarif_json(outcome, __version__))
        case Format.GITHUB:
            from genfix.report.github import annotations  # noqa: PLC0415

            return annotations(outcome, verbose=verbose)
        case Format.GITLAB | Format.JUNIT:
            return together([outcome], output_format, verbose=verbose)
        case Format.CONCISE:
            from genfix.report.concise import concise_lines  # noqa: PLC0415

            return concise_lines(outcome, verbose=verbose)
        case Format.PATCH:
            from genfix.report.patch import patch  # noqa: PLC0415

            return patch(outcome)
        case _:
            from genfix.report.markdown import comment  # noqa: PLC0415

            return comment(outcome, command=command, verbose=verbose)


def together(parts: Sequence[Outcome | Failure], output_format: Format, *, verbose: bool) -> str:
    """Several folders as one report of GitLab or JUnit."""
    if output_format is Format.JUNIT:
        from genfix.report.junit import junit_text  # noqa: PLC0415 - only where it is asked for

        return junit_text(parts, verbose=verbose)
    from genfix.report.gitlab import error_issue, issues  # noqa: PLC0415
    from genfix.report.json import dumps  # noqa: PLC0415

    return dumps(
        [
            issue
            for part in parts
            for issue in ([error_issue(part)] if isinstance(part, Failure) else issues(part, verbose=verbose))
        ]
    )


def failed(failure: Failure, output_format: str) -> str:
    """What could not be done, in a format for machines; empty for all others, whose reader has stderr."""
    match output_format:
        case Format.JSON:
            from genfix.report.json import dumps  # noqa: PLC0415
            from genfix.report.many_json import failure_json  # noqa: PLC0415

            return dumps(failure_json(failure))
        case Format.SARIF:
            from genfix.report.json import dumps  # noqa: PLC0415
            from genfix.report.sarif import sarif_error  # noqa: PLC0415

            return dumps(sarif_error(failure, __version__))
        case Format.GITHUB:
            from genfix.report.github import error_annotation  # noqa: PLC0415

            return error_annotation(failure)
        case Format.CONCISE:
            from genfix.report.concise import concise_error  # noqa: PLC0415

            return concise_error(failure)
        case Format.GITLAB | Format.JUNIT:
            return together([failure], Format(output_format), verbose=False)
        case _:
            return ""
