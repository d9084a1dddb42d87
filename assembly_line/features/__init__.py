"""Station 1: exact point-in-time datasets on demand. Pure logic, no AWS."""
