"""GF5xx and GF72x: which files belong to the model, and which are left over."""
