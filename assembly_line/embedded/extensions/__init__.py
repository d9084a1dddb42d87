"""What the emulator lacks, one module a subject, each with `install()`; `emulator.py` calls them at its start."""
