"""The `line` command: everything that a person does with the line, from the terminal."""

from __future__ import annotations

import gc
import sys

# New objects that may refer to each other, before memory is searched for rings of them. A command makes hundreds of
# thousands while it starts and drops none: by default a tenth of its time goes into these searches.
SEARCHED_AFTER = 500_000


def main() -> None:
    """Entry point of the installed command."""
    gc.set_threshold(SEARCHED_AFTER)
    if sys.argv[1:] == ["--version"]:
        # Without typer, whose import takes ten times as long as the answer.
        from assembly_line.cli.versions import version

        sys.stdout.write(f"{version()}\n")
        return
    from assembly_line.cli.application import run

    try:
        run()
    finally:
        # The end of the process frees everything; Python would first search it all for rings, which takes a fifth of a
        # short command's time. DuckDB's binding complains of what is then still there.
        if "duckdb" not in sys.modules:
            gc.freeze()
