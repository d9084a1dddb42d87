"""Tuning jobs: a bounded number of trials, some at once, each a training job with values drawn by a seed."""
