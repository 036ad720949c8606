"""Commands of live documents."""
