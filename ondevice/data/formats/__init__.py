"""Formats of tables: one file each, named after the format."""
