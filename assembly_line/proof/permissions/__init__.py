"""Whether IAM would allow each request: policies, conditions, and what services do on our behalf."""
