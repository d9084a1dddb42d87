"""The only runtime code that calls AWS: one module a store. Clients are handed in."""
