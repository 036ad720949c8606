"""Rooms beside Hocuspocus and y-websocket's server: the same client, the same machine, one after another."""
