"""Tables to explore: what they hold, computed by the same arithmetic as features."""
