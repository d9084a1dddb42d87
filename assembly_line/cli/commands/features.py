"""Exploring features: what a line knows, in words, and where it comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from assembly_line.cli.commands.data import PANEL
from assembly_line.cli.options import Line, command
from assembly_line.cli.session import Session

Text = Annotated[
    str,
    typer.Argument(metavar="TEXT", help="Words that all occur in name, meaning, source, entity or column."),
]
Feature = Annotated[str, typer.Argument(metavar="FEATURE", help="Name of a feature of the line.")]


def register(app: typer.Typer) -> None:
    features = typer.Typer(help="What a line knows: its features, in words.", no_args_is_help=True)
    command(features, "list")(list_features)
    command(features, "search")(search_features)
    command(features, "describe")(describe_feature)
    app.add_typer(features, name="features", rich_help_panel=PANEL)


def list_features(session: Session, line: Line) -> None:
    """List the features of a line's current release: meaning, newest event, personal data, other lines that use it."""
    search_features(session, line, "")


def search_features(session: Session, line: Line, text: Text) -> None:
    """List the features of a line that have all these words in name, meaning, source, entity or column."""
    from assembly_line.cli.drawn_features import draw_features
    from assembly_line.cli.listing import Listing

    found = Listing(session.target, line).all(text)
    session.output.result(found, draw_features(found, line))


def describe_feature(session: Session, line: Line, feature: Feature) -> None:
    """Show everything about one feature: meaning, type, source and its freshness, owner, personal data, who uses it."""
    from assembly_line.cli.drawn_features import draw_feature
    from assembly_line.cli.listing import Listing

    found = Listing(session.target, line).one(feature)
    session.output.result(found, draw_feature(found))
