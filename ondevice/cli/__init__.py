"""The command line: one command per file, no work of its own."""
