"""Networks around compressed embeddings."""
