"""Use cases of the ledger's tables: reading them, and compacting the tail into them."""
