"""The infrastructure: one stack a station, the foundation, and one stack a line. Wires and grants, no logic."""
