"""HTTP: requests that are bounded in time and size, and what can go wrong with them."""
