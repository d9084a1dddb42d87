"""How results look to a person: one module a noun."""
