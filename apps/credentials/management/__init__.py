"""Commands of the credentials app."""
