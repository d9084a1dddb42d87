"""`python -m assembly_line.cli`: the `line` command where its script is not on the path."""

from __future__ import annotations

from assembly_line.cli import main

if __name__ == "__main__":
    main()
