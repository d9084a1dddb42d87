"""What the stations cost beside their engines: requests, records, synthesis, imports. One process each."""
