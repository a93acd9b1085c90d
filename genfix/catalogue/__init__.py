"""Facts of official models, each with the place where it was read: which base has these sizes and ids."""
