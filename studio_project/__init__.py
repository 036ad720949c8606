"""Composition root: settings, routes, ASGI, Celery and the embedded supervisor. Nothing imports it."""
