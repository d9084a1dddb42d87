"""Who receives a line's predictions, how, and when."""
