"""The manifest of a dataset, and why two manifests differ."""
