"""The y-protocols wire format as our own linear code: no byte of a client reaches pycrdt unread."""
