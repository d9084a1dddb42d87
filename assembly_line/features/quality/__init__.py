"""The quality gate: rules about values and sources, and the leakage audit."""
