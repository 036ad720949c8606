"""Runs the test suites, each with the servers it needs: ``python -m infra.testing all``."""
