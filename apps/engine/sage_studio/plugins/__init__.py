"""Node types: the registry, the built-in library and what it stands on."""
