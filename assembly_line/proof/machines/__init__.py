"""Whether the state machines are sound: language, errors, loops, silence, sizes."""
