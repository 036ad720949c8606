"""Nodes around language models, embeddings and retrieval."""
