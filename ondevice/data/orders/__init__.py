"""The id orders, one per file; the file's name is the order's name."""
