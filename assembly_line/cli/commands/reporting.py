"""Pages for people: what a line decided in a while, and how it stands now."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import Line, command
from assembly_line.cli.session import Session

if TYPE_CHECKING:
    from assembly_line.cli.target import Target

To = Annotated[Path, typer.Option("--to", metavar="FILE", dir_okay=False, help="Where the page is written.")]
Since = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="INSTANT|DAY",
        help="The first decision time, or the start of a day in the zone of the decisions. By default the first there "
        "is.",
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="INSTANT|DAY",
        help="The first decision time that is left out, or the day that it starts. By default none is.",
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="COLUMN",
        help="Also for each value of this key, such as campaign_id.",
        autocompletion=completing.keys,
    ),
]


def register(app: typer.Typer) -> None:
    command(app, "dashboard")(write_dashboard)
    command(app, "report")(write_report)


def write_dashboard(session: Session, line: Line, to: To = Path("dashboard.html"), by: By = None) -> None:
    """Write one HTML page of how a line stands: decisions, delivery, dead letters, outcomes, performance.

    It is made of the ledger's tables. The page needs nothing else, neither network nor script.
    """
    from assembly_line.cli.output import fields
    from assembly_line.reporting import dashboard

    found = dashboard(session.target, line, by=by, now=datetime.now(UTC))
    to.write_text(found.page, encoding="utf-8")
    document = {**found.to_json(), "page": str(to.resolve()), "bytes": len(found.page.encode())}
    shown = {
        "Decisions": f"{document['decisions']:,}",
        "Not delivered": f"{document['undelivered']:,}",
        "Page": document["page"],
    }
    session.output.result(document, fields(shown))


def write_report(
    session: Session,
    line: Line,
    *,
    to: To = Path("report.html"),
    since: Since = None,
    until: Until = None,
    by: By = None,
) -> None:
    """Write one HTML page for those who decide once or quarterly: what was decided, what came of it, what goes along
    with it.

    The page needs nothing else, neither network nor script. Values of personal columns are not on it.
    """
    from assembly_line.cli.output import fields
    from assembly_line.reporting import report

    within = {"since": _instant(session.target, line, since, "--from"), "until": _instant(session.target, line, until)}
    found = report(
        session.target, line, by=by, now=datetime.now(UTC), **{name: at for name, at in within.items() if at}
    )
    to.write_text(found.page, encoding="utf-8")
    document = {**found.to_json(), "page": str(to.resolve()), "bytes": len(found.page.encode())}
    shown = {
        "Decisions": f"{document['decisions']:,}",
        "Outcomes certain": f"{document['outcomes']:,}",
        "Page": document["page"],
    }
    session.output.result(document, fields(shown))


def _instant(target: Target, line: str, text: str | None, field: str = "--until") -> str | None:
    """An instant as the ledger writes it."""
    from assembly_line.cli.days import instant_of_line
    from assembly_line.instants import format_instant, parse_instant

    if text is None:
        return None
    return format_instant(parse_instant(instant_of_line(target, line, text, field=field), field=field))
