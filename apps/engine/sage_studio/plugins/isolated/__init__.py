"""Plug-ins nobody vouches for: their code runs in confined processes of its own, never in this one."""
