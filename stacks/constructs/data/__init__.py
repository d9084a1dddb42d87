"""Where data lies: key, buckets, tables, workgroup."""
