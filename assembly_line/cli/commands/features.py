"""Features: what a line knows, in words, and where it comes from; and their values for decisions in real time."""

from __future__ import annotations

from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import Line, Wait, command
from assembly_line.cli.session import Session
from assembly_line.names import run_name
from assembly_line.stations import ONLINE

Text = Annotated[
    str,
    typer.Argument(metavar="TEXT", help="Words that all occur in name, meaning, source, entity or column."),
]
Feature = Annotated[
    str, typer.Argument(metavar="FEATURE", help="Name of a feature of the line.", autocompletion=completing.features)
]

Keys = Annotated[
    str, typer.Argument(metavar="KEYS", help="Who is asked about: household_id=1,campaign_id=8. null stands for null.")
]
At = Annotated[str | None, typer.Option("--at", metavar="INSTANT", help="As of when (default: now).")]
Some = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="A,B",
        help="Only these features. All if left out.",
        autocompletion=completing.several(completing.features),
    ),
]
ServedFrom = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="INSTANT",
        help="The first instant that can be asked for (default: two days before the newest event).",
    ),
]


def register(app: typer.Typer) -> None:
    features = typer.Typer(no_args_is_help=True)
    command(features, "list")(list_features)
    command(features, "search")(search_features)
    command(features, "describe")(describe_feature)
    command(features, "publish")(publish_features)
    command(features, "get")(get_features)
    app.add_typer(features, name="features")


def list_features(session: Session, line: Line) -> None:
    """List the features of a line's current release: meaning, newest event, personal data, other lines that use it."""
    search_features(session, line, "")


def search_features(session: Session, line: Line, text: Text) -> None:
    """List the features of a line that have all these words in name, meaning, source, entity or column."""
    from assembly_line.cli.edits import warn_of_edits
    from assembly_line.cli.views.features import draw_features
    from assembly_line.features import Listing

    warn_of_edits(session, line)
    found = Listing(session.target, line).all(text)
    session.output.result(found, draw_features(found, line))


def describe_feature(session: Session, line: Line, feature: Feature) -> None:
    """Show everything about one feature: meaning, type, source and its freshness, owner, personal data, who uses it."""
    from assembly_line.cli.views.features import draw_feature
    from assembly_line.features import Listing

    found = Listing(session.target, line).one(feature)
    session.output.result(found, draw_feature(found))


def publish_features(session: Session, line: Line, served_from: ServedFrom = None, waited: Wait = True) -> None:
    """Publish a line's features for real-time decisions, from the sources as they are loaded now."""
    from datetime import UTC, datetime

    from assembly_line.cli.edits import warn_of_edits
    from assembly_line.cli.runs import require_released, run
    from assembly_line.cli.views.features import draw_published
    from assembly_line.requests import OnlineRequest

    request = OnlineRequest.parse({"line": line, **({} if served_from is None else {"from": served_from})})
    require_released(session, line)
    warn_of_edits(session, line)
    name = run_name(line, "online", request.served_from or datetime.now(UTC))
    title = f"Online features of {line}"
    run(session, ONLINE.parameter, name, request, waited=waited, title=title, draw=draw_published)


def get_features(session: Session, line: Line, keys: Keys, *, at: At = None, features: Some = None) -> None:
    """Get the published features of one entity through the line's API: what a decision about it would know then."""
    from assembly_line.cli.parsing import listed, typed_keys
    from assembly_line.cli.views.features import draw_answer
    from assembly_line.requests import FeaturesRequest

    given: dict[str, object] = {"keys": typed_keys(session.target.released.current(line), keys)}
    given |= {} if at is None else {"at": at}
    given |= {} if features is None else {"features": listed(features)}
    request = FeaturesRequest.parse(given)
    # Nulls are part of the question: a null key matches nothing.
    body = {**request.to_json(), "keys": dict(request.keys)}
    found = session.target.api(session.options.role).features(line, body)
    session.output.result(found, draw_answer(found))
