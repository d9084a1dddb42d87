"""The lake, its catalog, its tables, and the online table."""
