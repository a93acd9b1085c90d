"""The options of a probe before and after a repair."""

from typing import Annotated, Final, NamedTuple

import typer

from genfix.cli import options as opt
from genfix.message import text

_PANEL: Final = text("Before and after a repair").template


class Serving(NamedTuple):
    """A server that genfix starts and ends."""

    serve: Annotated[
        str | None,
        typer.Option(
            "--serve",
            metavar="CMD",
            help="Start the server with this command, end it behind the probe, and start it anew after a "
            "repair.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    serve_timeout: Annotated[
        float,
        typer.Option(
            "--serve-timeout",
            envvar="GENFIX_SERVE_TIMEOUT",
            metavar="S",
            min=0.1,
            help="Seconds to wait until it is up, or restarted.",
            rich_help_panel=_PANEL,
        ),
    ] = 900


class Repairing(NamedTuple):
    """What to repair between two probes, and from which base."""

    repair: Annotated[
        str | None,
        typer.Option(
            "--repair",
            metavar="DIR",
            help="Probe, repair this folder, wait for the restart, probe again and compare.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    base: opt.Base = None
    adapter: opt.Adapter = None
    offline: opt.Offline = False
    allow_base_mismatch: opt.AllowMismatch = False
    state_dir: opt.StateDir = None


class LastProbe(NamedTuple):
    """A probe as the last step of a merge."""

    probe: Annotated[
        str | None,
        typer.Option(
            "--probe",
            metavar="URL",
            help="Probe the server of --serve there, before and after the repair.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None


NO_SERVER: Final = Serving()
NO_REPAIR: Final = Repairing()
