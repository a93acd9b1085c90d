"""GF2xx: the chat template."""
