"""What runs in a reader: an interpreter that has transformers and torch, and nothing of genfix."""
