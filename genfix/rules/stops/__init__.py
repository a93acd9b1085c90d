"""GF1xx: the token ids that end generation."""
