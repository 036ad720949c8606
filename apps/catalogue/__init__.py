"""The node types a workspace can use."""
