"""Uploads, blobs and vectors of a workspace."""
