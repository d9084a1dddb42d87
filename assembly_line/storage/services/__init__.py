"""AWS services as the stores use them: one module a service."""
