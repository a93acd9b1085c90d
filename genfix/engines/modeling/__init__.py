"""Which tensors transformers looks for, by the class that config.json names, and under which names it takes
them.
"""
