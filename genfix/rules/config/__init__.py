"""GF40x and GF712: what config.json says of the model."""
