"""Nodes that bring data into a flow."""
