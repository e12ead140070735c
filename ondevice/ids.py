"""The id contract: what the first ids of every vocabulary mean, on the device and off it."""

PADDING_ID = 0
"""Fills a history up to its fixed length and contributes nothing to pooling."""

UNKNOWN_ID = 1
"""Stands for any item that the vocabulary does not know."""

RESERVED_IDS = 2
"""Ids below this one are no items; the first item has this id."""

OUT_OF_RANGE = {"unknown": UNKNOWN_ID, "padding": PADDING_ID}
"""What an id outside the vocabulary may count as, by the name of the policy."""
