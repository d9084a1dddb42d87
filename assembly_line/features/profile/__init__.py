"""The profile of a dataset: its figures, their plots, and one page that holds both."""
