"""Sources: checked, typed, cut at what was known, matched to decisions."""
