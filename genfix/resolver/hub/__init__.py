"""Model repos on the Hugging Face Hub."""
