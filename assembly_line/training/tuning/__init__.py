"""The search for hyperparameters before the fits: what its trials see, the job that runs them, and what it found."""
