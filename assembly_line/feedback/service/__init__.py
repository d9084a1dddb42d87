"""Use cases of the feedback station: the joined history of a line, judged, for handlers and commands."""
