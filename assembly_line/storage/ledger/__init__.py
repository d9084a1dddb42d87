"""The ledger, what was scored and sent, and station events."""
