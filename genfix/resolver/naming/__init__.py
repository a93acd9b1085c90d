"""What a name of a model can mean: a folder on this machine, or a repo on the Hub or on ModelScope."""
