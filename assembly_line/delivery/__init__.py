"""Station 3: checks, policy and messages of scored batches. Pure logic, no AWS."""
