"""The tables that a line declares for people to look around in."""
