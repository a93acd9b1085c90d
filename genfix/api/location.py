"""How a caller of the API says where a model is."""

import os
from typing import TypeAlias

ModelLocation: TypeAlias = str | os.PathLike[str]
"""A path of a model folder, or ``hf://org/name[@revision]``; for a base also ``org/name[@revision]``, or
``auto``: what the folder itself names."""
