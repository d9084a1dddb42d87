"""Step Functions: limits, retries, callbacks, children, jobs, and executions that outlive a stop."""
