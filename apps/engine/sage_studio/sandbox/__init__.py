"""Code and programs nobody has vouched for: where they run and what they may take."""
