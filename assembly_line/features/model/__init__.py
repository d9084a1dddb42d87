"""The nouns of the station: workload, plan, snapshot, claim, finding."""
