"""A whole environment: its settings, deployed into an account, looked at before, and proved without one."""
