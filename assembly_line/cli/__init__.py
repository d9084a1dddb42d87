"""The `line` command: everything that a person does with the line, from the terminal."""

from __future__ import annotations


def main() -> None:
    """Entry point of the installed command."""
    from assembly_line.cli.application import run

    run()
