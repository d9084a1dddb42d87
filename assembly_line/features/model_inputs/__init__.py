"""Model inputs: a dataset split by time, prepared for a type of model, and written with what was fitted."""
