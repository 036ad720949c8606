"""Vector stores outside of the workspace, each by its own HTTP protocol through the guarded client."""
