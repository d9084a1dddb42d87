"""A review packet as one page: to present, to print, and to defend."""
