"""Ways to split what users did into training, validation and test: one file each."""
