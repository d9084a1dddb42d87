"""Releases, runs, the registry, and the control table that says what is in force."""
