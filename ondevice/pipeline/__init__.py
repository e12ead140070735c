"""What the commands do, as plain functions for Python users; beside the CLI the only user of converters."""
