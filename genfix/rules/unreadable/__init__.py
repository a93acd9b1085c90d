"""GF9xx: files that are there and cannot be read."""
