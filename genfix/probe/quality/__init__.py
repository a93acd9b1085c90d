"""Whether answers are right: prompts whose answers can be checked, checkers, and pass rates.

A checker is a pure function of the prompt and the answer. It judges as a person would: the right answer
passes in whatever clothes it comes, and one that is nearly right fails.
"""
