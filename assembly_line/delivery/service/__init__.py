"""Use cases of the delivery station: what a scoring run means and kept aside, for handlers and commands."""
