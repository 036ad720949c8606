"""Flow documents as CRDTs: the library behind one door, the schema, and changes as transactions."""
