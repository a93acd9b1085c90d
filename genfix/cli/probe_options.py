"""What the options of ``genfix probe`` can be."""

from enum import StrEnum


class ProbeFormat(StrEnum):
    """How the report is written."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


class ProbeEngine(StrEnum):
    """What can run a folder without a server."""

    TRANSFORMERS = "transformers"
    MLX_LM = "mlx-lm"
