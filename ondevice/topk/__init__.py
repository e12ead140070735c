"""The best items of all on the device, exactly: by all scores, or by blocks of neighbours and what bounds theirs."""
