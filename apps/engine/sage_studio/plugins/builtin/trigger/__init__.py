"""Nodes that start a flow."""
