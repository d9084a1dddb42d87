"""The decisions of a dataset: read or generated, sampled, named, with their outcomes."""
