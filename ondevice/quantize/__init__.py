"""Quantization of tables: how stored numbers are encoded and decoded, in plain NumPy and in the exported graph."""
