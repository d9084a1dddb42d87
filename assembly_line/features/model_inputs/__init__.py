"""Datasets in the shape that a type of model needs: split by time, prepared, and written with what was fitted."""
