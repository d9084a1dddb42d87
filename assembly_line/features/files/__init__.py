"""Parquet files through DuckDB: the named files alone, bounded and isolated."""
