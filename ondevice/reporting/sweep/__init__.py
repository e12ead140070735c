"""The report of a sweep: many methods and ratios trained with one protocol, compared with the full table."""
