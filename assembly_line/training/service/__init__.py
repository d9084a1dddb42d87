"""Use cases of the training station: runs, reviews and champions of an account, for handlers and commands."""
