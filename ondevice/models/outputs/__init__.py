"""The output layers, one per file; the file's name is the layer's name."""
