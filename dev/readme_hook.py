"""The README of the package: that of the repository, whose links lead there from wherever it is shown."""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

README = Path(__file__).parent.parent / "README.md"


def with_whole_links(text: str, address: str, version: str) -> str:
    """``text`` with relative links, and images, as addresses of the repository at this version."""

    def whole(found: re.Match[str]) -> str:
        image, words, path = found[1], found[2], found[3]
        kind = "raw" if image else "blob"
        return f"{image}[{words}]({address}/{kind}/v{version}/{path})"

    return re.sub(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)]*)\)", whole, text)


class ReadmeHook(MetadataHookInterface):
    """Gives the package its README."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict) -> None:
        """Set ``readme``."""
        (address,) = metadata["urls"].values()
        text = with_whole_links(README.read_text("utf-8"), address, metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
