"""GF3xx: the tokenizer and its tokens."""
