"""What several built-in nodes share: reading files, text, embeddings, search, items."""
