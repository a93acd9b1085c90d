"""Speed, as ratios to something on the same machine: `python -m dev.benchmarks.check`."""
