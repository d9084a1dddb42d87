"""Datasets and model inputs in S3: claims, plans, attempts, manifests, retention."""
