"""``genfix run --probe``: the merged model probed before its repair and after it."""

import os
from collections.abc import Callable

from genfix.api.probing import Subject
from genfix.cli.choices import Format
from genfix.cli.output import Output
from genfix.cli.probe_around import asked_with_server, probe_around_shown, refuse_around
from genfix.cli.probe_options import ProbeFormat
from genfix.cli.probe_output import ProbeOptions, finish, measured, publish
from genfix.cli.repairing_options import NO_REPAIR, LastProbe, Serving
from genfix.errors import InputError
from genfix.probe.probe_values import Limits
from genfix.resolver.case import Case


def probed_around(
    case: Case, last: LastProbe, serving: Serving, out: Output
) -> Callable[[Callable[[], int]], int]:
    """What runs a repair with a probe before it and behind it; its code is the worse of repair and probe.

    Raises `InputError` where no server is named, or the report is to be anything but text.
    """
    if last.probe is None or serving.serve is None:
        raise InputError(
            "--probe and --serve go together: there is no server of a model that is not merged yet",
            "for example --serve 'vllm serve OUT' --probe http://localhost:8000",
        )
    if out.output_format != Format.TEXT:
        raise InputError(
            "--probe adds its report to that of the repair, and that is text",
            "leave out --output-format, or run genfix probe behind it",
        )
    refuse_around(last.probe, NO_REPAIR, serving, against=False)
    asked = ProbeOptions(
        subject=Subject(last.probe, folder=os.fspath(case.target)),
        against=None,
        prompts=None,
        limits=Limits(),
        temperature=None,
        min_stop_rate=0.9,
        output_format=ProbeFormat.TEXT,
        output=None,
    )
    ask = asked_with_server(last.probe, serving, lambda: measured(asked, out), out)

    def around(repair: Callable[[], int]) -> int:
        codes: list[int] = []

        def change() -> bool:
            codes.append(repair())
            return True

        report = probe_around_shown(ask, change, lambda first: publish(first, asked, out))
        return max(finish(report, asked, out), *codes, 0)

    return around
