"""Takes away what was deployed, a line or a whole environment, and says what stays and what that costs."""
