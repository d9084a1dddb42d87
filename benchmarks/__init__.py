"""`make bench`: what the line's parts cost, against the practical limit and against what people use today."""
