"""People, sign-in, sessions and API tokens."""
