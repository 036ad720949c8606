"""In-app notices to people."""
