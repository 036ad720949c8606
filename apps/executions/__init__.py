"""Runs, their events and the workers that claim them."""
