"""Templates: published flows that others install."""
