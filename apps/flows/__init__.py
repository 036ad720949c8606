"""Flows and their immutable definitions."""
