"""Stand-in for Glue's own package, put before a job's libraries only while the embedded Glue runs it."""
