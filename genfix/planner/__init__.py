"""Findings to a plan: exact new bytes per file, judged again before anyone sees them."""
