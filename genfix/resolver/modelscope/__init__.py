"""Models on ModelScope."""
