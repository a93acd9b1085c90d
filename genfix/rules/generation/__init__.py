"""GF6xx: how the model samples."""
