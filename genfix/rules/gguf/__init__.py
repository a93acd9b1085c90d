"""What the rules say of a GGUF: the same findings as of a folder, on its keys and tensors."""
