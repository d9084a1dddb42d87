"""What the emulator lacks, one module a subject. Each has `install()`; `emulator.py` calls them all, once, at its start."""
