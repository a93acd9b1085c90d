"""GF7xx: spellings that older or newer readers cannot read."""
