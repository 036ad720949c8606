"""Diagnoses and advice."""
