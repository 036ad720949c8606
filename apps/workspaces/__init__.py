"""Workspaces, members, invitations and the one permission policy."""
