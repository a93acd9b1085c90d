"""Many model folders: found, judged one by one or by a pool, and kept in a store."""
