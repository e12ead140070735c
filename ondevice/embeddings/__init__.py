"""Compressed embeddings: a method says what is stored and how an id becomes a vector, once, for every use."""
