"""GF41x to GF43x: config.json against the shapes in the weights."""
