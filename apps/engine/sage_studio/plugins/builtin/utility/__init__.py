"""Nodes that help others: variables, logs, time, hashes, code."""
