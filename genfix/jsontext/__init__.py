"""JSON text that keeps its style: read strictly, edited, mended, compared; it knows nothing of models."""
