"""From a request to a plan and its forecast. Nothing is read here."""
