"""What a release has beside the wheel, made from what the project says of itself; and the wheel's proof."""
