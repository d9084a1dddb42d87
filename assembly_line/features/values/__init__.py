"""Columns, instants and keys, and the rules of when a value is known."""
