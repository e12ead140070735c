"""The table encodings, one per file; the file's name is the scheme's name."""
