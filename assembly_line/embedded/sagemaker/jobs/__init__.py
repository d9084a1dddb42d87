"""Training and transform jobs: what starts, isolates, feeds, watches and ends them."""
