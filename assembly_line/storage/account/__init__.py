"""What an account is like, asked by calls that change nothing."""
