"""`line demo`: a year of the shipped line replayed on public data, in the embedded AWS."""
