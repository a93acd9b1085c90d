"""How likely a model finds known texts, in bits per character: what a broken tokenizer or RoPE shows at
once.

`scored_texts` has the texts, `completion_scoring` asks a server, `local_scoring` an engine, `bits` adds up
and compares, and `pointers` says which rules a difference points to.
"""
