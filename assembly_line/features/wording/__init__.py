"""Declarations in words, for people."""
