"""The emulated phone's insides: the image it starts from, its disks and its start."""
