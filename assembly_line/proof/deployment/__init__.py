"""Whether the templates deploy, twice, and into a fresh account."""
