"""The signatures of exported files, one per task; the file's name is the task's name."""
