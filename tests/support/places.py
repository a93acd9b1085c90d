"""Where the repository is, and what lies beside it on a machine of its authors."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
"""Collections of other people's folders; not part of this repository."""
