"""The folder to be judged, its adapter and its base: found, opened, and proven to belong together."""
