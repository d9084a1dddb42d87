"""Looks at an account before the first deployment: what is missing there, what is in the way, what it will cost."""
