"""Use cases of the reports: the pages of a line, and the figures of it that are watched."""
