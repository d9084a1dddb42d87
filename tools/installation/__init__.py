"""Installs everything the project needs into its own folder. Runs before any package exists: standard library only."""
