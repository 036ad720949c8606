"""Where runs meet the database, threads, clients and the event loop."""
