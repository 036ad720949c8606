"""Nodes that hand results to people and places."""
