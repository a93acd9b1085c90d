"""The applier against real kills, failing system calls, power cuts and mutants: `python -m dev.reliability`."""
