"""Streams between nodes, the nodes that work on them, and event mode."""
