"""Rooms: one open document per flow and process, the sockets around it, and presence.

No Django here. A room knows the journal, the bus and the sockets as ports (``rooms.ports``).
"""
