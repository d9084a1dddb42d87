"""Online features: what is kept of each entity so that its features can be computed, exactly, at any later instant."""
