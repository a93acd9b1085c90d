"""GGUF files: the header read and written, without any other library; tensor data is never read."""

from genfix.gguf.header import GgufType, Header, TensorInfo, TypedValue
from genfix.gguf.header_reading import GgufError, parse_header, read_header
from genfix.gguf.header_writing import PADDING, edited_header

__all__ = [
    "PADDING",
    "GgufError",
    "GgufType",
    "Header",
    "TensorInfo",
    "TypedValue",
    "edited_header",
    "parse_header",
    "read_header",
]
