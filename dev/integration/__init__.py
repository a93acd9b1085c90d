"""A repair proved on a small model with real weights; needs torch and transformers."""
