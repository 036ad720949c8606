"""Domain events of files."""

FILE_UPLOADED = "file.uploaded"
"""{file_id}: a person has uploaded a file; what runs write is not told."""
