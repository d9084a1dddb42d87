"""The words in which a line is declared: frozen values, checked when they are created."""
