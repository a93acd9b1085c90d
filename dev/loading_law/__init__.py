"""The loading law: what loads before a repair loads after it, and says the same."""
