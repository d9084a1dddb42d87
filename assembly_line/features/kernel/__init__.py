"""The exact point-in-time kernel: which rows a decision sees, and what they come to."""
