"""Lambda functions: their code, their logs and their errors."""
