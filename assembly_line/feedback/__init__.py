"""Station 4: the ledger's history joined, outcomes, performance. Pure logic, no AWS."""
