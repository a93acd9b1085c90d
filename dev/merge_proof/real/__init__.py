"""The scripts that run in an environment with torch and PEFT."""
