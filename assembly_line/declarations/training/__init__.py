"""How a line trains, judges, reviews and keeps its models."""
