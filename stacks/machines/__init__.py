"""The state machines' definitions, as plain values in the Amazon States Language: what runs is what is read here."""
