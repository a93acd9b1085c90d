"""The applier against kills, failing system calls, power cuts and mutants: `python -m dev.reliability`."""
