"""Use cases of the throughput station: the board, what there is now, and the story of one run."""
