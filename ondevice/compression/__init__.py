"""Compressing the tables of a user's model: what uses them, what becomes of each, and the change in place."""
