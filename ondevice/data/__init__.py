"""Interactions of users with items: readers, vocabularies, id orders and the embedded synthetic catalogue."""
