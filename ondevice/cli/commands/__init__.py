"""The commands: one file per command, named after it."""
