"""The members of the device family, one per file."""
