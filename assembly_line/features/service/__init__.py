"""Use cases of the features station: datasets, features and tables of an account, for handlers and commands."""
