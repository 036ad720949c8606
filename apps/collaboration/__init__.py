"""Live documents, presence and the headless writer."""
