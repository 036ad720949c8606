"""The flow document: parse, validate, hash, diff and patch."""
