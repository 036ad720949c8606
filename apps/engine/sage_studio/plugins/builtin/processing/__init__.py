"""Nodes that change data."""
