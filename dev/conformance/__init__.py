"""Engine views held against the engines' own code: `python -m dev.conformance ENGINE`."""
