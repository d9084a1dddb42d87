"""Why a value is what it is: the events behind it, recomputed by plain arithmetic."""
