"""The objectives, one per task; the file's name is the task's name."""
