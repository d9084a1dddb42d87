"""Who may do what: roles, grants, and the reasons for exceptions."""
