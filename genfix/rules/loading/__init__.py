"""Rules about what engines say of loading the folder, where no other rule has said it."""
