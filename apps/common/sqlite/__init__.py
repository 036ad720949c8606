"""Django database backend: SQLite with one fair writer at a time across processes."""
