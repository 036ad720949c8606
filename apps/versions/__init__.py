"""Commits, diff, rollback and publishing."""
