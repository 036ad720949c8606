"""Databases that speak SQL: statements with bound values, results as JSON, errors in people's words."""
