"""How well ``--base auto`` finds the base of real merges among decoys."""
