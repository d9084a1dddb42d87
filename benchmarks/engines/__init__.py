"""One module an engine: `python -m benchmarks.engines.NAME`, or the file itself in an environment of its own."""
