"""The proof of merges, held against real merges by PEFT."""
