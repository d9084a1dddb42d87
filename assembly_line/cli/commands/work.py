"""The work list: cases that people look at, take, and accept or override."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assembly_line.cli.options import Line, command
from assembly_line.cli.session import Session

if TYPE_CHECKING:
    from assembly_line.requests import Request

Case = Annotated[str, typer.Argument(metavar="DECISION", help="The id of the decision, such as d1-20170712-...")]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="INSTANT", help="A replay of the past: the instant of the business clock."),
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", help="How many cases, 1 to 100.")]
After = Annotated[
    str | None, typer.Option("--after", metavar="CURSOR", help="Go on behind the page that told this cursor.")
]
Free = Annotated[bool, typer.Option("--free", help="Leave out cases that somebody holds.")]
Mine = Annotated[bool, typer.Option("--mine", help="Only the cases that you hold.")]
Action = Annotated[str, typer.Option("--action", metavar="ACTION", help="The action to take instead.")]
Code = Annotated[str, typer.Option("--reason", metavar="CODE", help="One of the codes that the work list declares.")]
Text = Annotated[str, typer.Option("--text", metavar="TEXT", help="Why, in at least 3 characters. It is kept.")]
Remark = Annotated[str | None, typer.Option("--text", metavar="TEXT", help="A remark. It is kept.")]


def register(app: typer.Typer) -> None:
    cases = typer.Typer(no_args_is_help=True)
    command(cases, "list")(list_cases)
    command(cases, "show")(show_case)
    command(cases, "take")(take_case)
    command(cases, "release")(release_case)
    command(cases, "accept")(accept_case)
    command(cases, "override")(override_case)
    app.add_typer(cases, name="work")


def list_cases(
    session: Session,
    line: Line,
    *,
    free: Free = False,
    mine: Mine = False,
    limit: Limit = 25,
    after: After = None,
    at: At = None,
) -> None:
    """List the open cases of a line, in the order of its work list."""
    from assembly_line.cli.views.work import draw_cases
    from assembly_line.errors import RequestRefused
    from assembly_line.requests import CasesRequest

    if free and mine:
        raise RequestRefused.about("--free, --mine", "both", "one of them, or none")
    only = "free" if free else "mine" if mine else None
    asked = _given(CasesRequest, limit=limit, cursor=after, only=only, at=at)
    found = session.target.api(session.options.role).cases(line, asked)
    session.output.result(found, draw_cases(found))


def show_case(session: Session, line: Line, case: Case, at: At = None) -> None:
    """Show one case: the recommendation and why, what is known, and what was decided before."""
    from assembly_line.cli.views.work import draw_case
    from assembly_line.requests import CaseRequest

    found = session.target.api(session.options.role).cases(line, _given(CaseRequest, at=at), case=case)
    session.output.result(found, draw_case(found))


def take_case(session: Session, line: Line, case: Case, at: At = None) -> None:
    """Take a case, so that nobody else works it until your hold ends."""
    from assembly_line.requests import CaseRequest

    _work(session, line, case, "take", _given(CaseRequest, at=at))


def release_case(session: Session, line: Line, case: Case) -> None:
    """Give a case back."""
    _work(session, line, case, "release", {})


def accept_case(session: Session, line: Line, case: Case, text: Remark = None, at: At = None) -> None:
    """Confirm what the line recommends, in a case that you hold."""
    from assembly_line.requests import AcceptRequest

    _work(session, line, case, "accept", _given(AcceptRequest, text=text, at=at))


def override_case(
    session: Session, line: Line, case: Case, *, action: Action, reason: Code, text: Text, at: At = None
) -> None:
    """Decide otherwise than recommended, in a case that you hold."""
    from assembly_line.requests import OverrideRequest

    _work(session, line, case, "override", _given(OverrideRequest, action=action, reason=reason, text=text, at=at))


def _given(request: type[Request], **values: Any) -> dict[str, Any]:
    """What was given of a request, refused here where it makes no sense."""
    return request.parse({name: value for name, value in values.items() if value is not None}).to_json()


def _work(session: Session, line: str, case: str, verb: str, body: Mapping[str, Any]) -> None:
    from assembly_line.cli.views.work import draw_worked

    found = session.target.api(session.options.role).work(line, case, verb, body)
    session.output.result(found, draw_worked(found))
