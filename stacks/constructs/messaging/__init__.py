"""Queues, their consumers, and subscribers."""
