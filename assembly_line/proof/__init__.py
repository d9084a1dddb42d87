"""Judges a recorded embedded run against the templates of an environment, without an account."""
