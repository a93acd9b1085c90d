"""Holds what genfix says of tensors against what transformers does with them, over all model types."""
