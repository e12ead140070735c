"""The readers, one file format per file; the file's name is the reader's name."""
