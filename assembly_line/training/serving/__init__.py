"""How a packed model answers rows: the server of its process, and who runs that process, a function or a job."""
