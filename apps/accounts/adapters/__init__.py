"""Where accounts meet libraries: allauth (sign-up, mail), DRF (tokens), Channels (sockets)."""
