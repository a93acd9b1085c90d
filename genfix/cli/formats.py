"""From a format's name to the renderer that writes it; renderers are imported when they are asked for."""

from genfix.cli.choices import Format
from genfix.report.outcome import Outcome
from genfix.version import __version__


def rendered(outcome: Outcome, output_format: Format, *, verbose: bool, command: str = "") -> str:
    """An outcome as SARIF, as GitHub annotations, as lines, as a patch or as a comment in Markdown."""
    match output_format:
        case Format.SARIF:
            from genfix.report.json import dumps  # noqa: PLC0415
            from genfix.report.sarif import sarif_json  # noqa: PLC0415

            return dumps(sarif_json(outcome, __version__))
        case Format.GITHUB:
            from genfix.report.github import annotations  # noqa: PLC0415

            return annotations(outcome, verbose=verbose)
        case Format.CONCISE:
            from genfix.report.concise import concise_lines  # noqa: PLC0415

            return concise_lines(outcome, verbose=verbose)
        case Format.PATCH:
            from genfix.report.patch import patch  # noqa: PLC0415

            return patch(outcome)
        case _:
            from genfix.report.markdown import comment  # noqa: PLC0415

            return comment(outcome, command=command, verbose=verbose)
