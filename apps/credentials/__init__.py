"""The vault: secrets encrypted at rest, usable only by their workspace."""
