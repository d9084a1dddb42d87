"""The two engines, DuckDB on one machine and Spark on many: same rows, same values."""
