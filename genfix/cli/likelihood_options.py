"""The options of ``genfix probe`` that are about how likely texts are."""

from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from genfix.message import text

_PANEL: Final = text("Likelihood").template


class Likelihood(NamedTuple):
    """What to measure of known texts."""

    likelihood: Annotated[
        bool,
        typer.Option(
            "--likelihood",
            envvar="GENFIX_LIKELIHOOD",
            help="Also ask how likely it finds known texts, in bits per character.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    texts: Annotated[
        Path | None,
        typer.Option(
            "--texts",
            envvar="GENFIX_TEXTS",
            metavar="FILE",
            help="Your own texts besides: plain text, or JSON Lines; implies --likelihood.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    max_bits_increase: Annotated[
        float | None,
        typer.Option(
            "--max-bits-increase",
            envvar="GENFIX_MAX_BITS_INCREASE",
            metavar="BITS",
            min=0,
            help="Exit with 1 where a character takes so many bits more than with --against; implies "
            "--likelihood.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    skip_prompts: Annotated[
        bool,
        typer.Option(
            "--skip-prompts",
            envvar="GENFIX_SKIP_PROMPTS",
            help="Put no prompts; measure the rest.",
            rich_help_panel=_PANEL,
        ),
    ] = False

    @property
    def wanted(self) -> bool:
        """Whether anything is to be measured."""
        return self.likelihood or self.texts is not None or self.max_bits_increase is not None


NO_LIKELIHOOD: Final = Likelihood()
