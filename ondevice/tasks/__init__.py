"""The tasks, one per file; the file's name is the task's name."""
