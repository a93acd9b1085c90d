"""Imported first, makes torchvision of PyPI load beside a torch without CUDA.

It is made for the torch with CUDA. What is in the environment's ``image`` folder serves to load processors of
images once its two operators have a name; they do nothing here.
"""

import sys
from pathlib import Path

import torch

PLACE = Path(sys.prefix) / "image"
OPERATORS = torch.library.Library("torchvision", "FRAGMENT")
"""Kept: what it defines ends with it."""

if PLACE.is_dir():
    sys.path.append(str(PLACE))
    for name in ("nms", "qnms"):
        OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
