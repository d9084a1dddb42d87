"""Set up: start, stop and look at the embedded AWS, deploy the stacks, release the lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assembly_line.cli.options import command
from assembly_line.cli.output import duration, fields
from assembly_line.cli.session import REPOSITORY, Session

if TYPE_CHECKING:
    from assembly_line.embedded.deployment import Deployment

PANEL = "1. Set up"
OPTIONAL_LINE = Annotated[
    str | None, typer.Argument(metavar="[LINE]", help="Name of the line; every declared line if left out.")
]


def register(app: typer.Typer) -> None:
    command(app, "up", panel=PANEL)(up)
    command(app, "down", panel=PANEL)(down)
    command(app, "status", panel=PANEL)(show_status)
    command(app, "deploy", panel=PANEL)(deploy)
    command(app, "release", panel=PANEL)(release)


def up(
    session: Session,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Where to listen; a free port if left out.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin with an empty account; what somebody made in it is moved aside.")
    ] = False,
    limits: Annotated[
        bool, typer.Option("--limits", help="List what of the deployed stacks is recorded and does not act here.")
    ] = False,
) -> None:
    """Start the embedded AWS and leave it running. What the last run kept is there again."""
    from assembly_line.embedded.supervisor import require_nothing_at_work, start

    _embedded_only(session, "up")
    if fresh:
        require_nothing_at_work(session.state)
    runtime = start(session.state, fresh=fresh, port=port, report=session.output.note)
    not_emulated = _limitations(session.state)
    document = {"endpoint_url": runtime.endpoint_url, "state": str(session.state), "not_emulated": not_emulated}
    session.output.result(
        document,
        fields(
            {
                "Embedded AWS": runtime.endpoint_url,
                "State": session.state,
                "Not emulated": _limits_in_words(not_emulated, listed=limits),
                "Next": "`line status` shows what there is" if not_emulated else "`line deploy`",
            }
        ),
    )


NOT_KEPT = "Stopped, but its state was not written whole: the next `line up` moves it aside and begins anew."


def down(
    session: Session,
    force: Annotated[
        bool, typer.Option("--force", help="Stop even where the disk is too full to write the state.")
    ] = False,
    interrupt: Annotated[
        bool, typer.Option("--interrupt", help="Stop even where that makes work fail which is going on.")
    ] = False,
) -> None:
    """Stop the embedded AWS. Its state stays, `line up` brings it back; runs that wait for a review wait on."""
    from assembly_line.embedded.supervisor import require_nothing_at_work, require_place_for_state, stop

    _embedded_only(session, "down")
    if not force:
        require_place_for_state(session.state)
    if not interrupt:
        require_nothing_at_work(session.state)
    found = stop(session.state, report=session.output.note)
    words = "Stopped; its state is kept." if found.clean else NOT_KEPT
    message = words if found.was_running else "Nothing was running."
    document = {
        "was_running": found.was_running,
        "clean": found.clean,
        "problems": list(found.problems),
        "interrupted": found.interrupted,
    }
    session.output.result(document, lambda console: console.print(message))


def show_status(session: Session) -> None:
    """Show what runs and what each line has: release, champion, runs that wait for a review, executions."""
    from assembly_line.cli.overview import overview, render

    found = overview(session.target)
    session.output.result(found, render(found))


def deploy(
    session: Session,
    yes: Annotated[
        bool, typer.Option("--yes", help="Widen permissions in an account without asking; needed without a terminal.")
    ] = False,
) -> None:
    """Deploy the stacks, then release every declared line.

    Into an account this runs `cdk deploy --all` and shows its output; that needs permissions to create what is
    listed in the README. It asks before it widens permissions.
    """
    from assembly_line.cli.releasing import release_lines

    if session.embedded:
        deployed: dict[str, Any] = _deploy_embedded(session)
    else:
        from assembly_line.cli.account_deployment import deploy_account

        deployed = deploy_account(session, approved=yes)
    released = release_lines(session, session.target, session.lines)
    document = {**deployed, "releases": released}
    session.output.result(
        document,
        fields(
            {
                "Stacks": ", ".join(deployed.get("stacks", [])) or None,
                "Took": duration(deployed["seconds"]),
                **{f"Line {name}": f"release {digest[:12]}" for name, digest in released.items()},
                "Next": "; ".join(f"`line sources load {name}`" for name in released) or None,
            }
        ),
    )


def release(
    session: Session,
    line: OPTIONAL_LINE = None,
    lines: Annotated[
        Path | None, typer.Option("--lines", help="Folder of declared lines (default: ./lines, or the shipped ones).")
    ] = None,
) -> None:
    """Publish a line as it is declared now: new work uses it, what runs keeps the release it began with."""
    from assembly_line.cli.releasing import release_lines

    released = release_lines(session, session.target, lines or session.lines, only=line)
    session.output.result(released, fields({f"Line {name}": f"release {found}" for name, found in released.items()}))


def _deploy_embedded(session: Session) -> dict[str, Any]:
    from assembly_line.embedded.deployment import assemble
    from assembly_line.embedded.deployment import deploy as deploy_assembly
    from assembly_line.embedded.supervisor import running

    runtime = running(session.state)
    assembly = assemble(REPOSITORY, session.state, session.output.note)
    found: Deployment = deploy_assembly(runtime, assembly, session.output.note)
    return {"stacks": list(found.stacks), "seconds": found.seconds, "digest": found.digest}


def _limitations(state: Path) -> list[str]:
    """What of the deployed stacks is stored without acting; empty before the first deployment."""
    from assembly_line.embedded.emulator_limitations import limitations, templates_of
    from assembly_line.embedded.state_folder import StateFolder

    folder = StateFolder(state)
    if not folder.deployment.exists():
        return []
    digest = json.loads(folder.deployment.read_text(encoding="utf-8"))["digest"]
    return limitations(templates_of(folder.assemblies / digest / "embedded"))


def _limits_in_words(sentences: list[str], *, listed: bool) -> str | None:
    if not sentences:
        return None
    return "\n".join(f"- {one}" for one in sentences) if listed else f"{len(sentences)} things; `line up --limits`"


def _embedded_only(session: Session, name: str) -> None:
    from assembly_line.errors import RequestRefused

    if not session.embedded:
        raise RequestRefused(f"`line {name}` is for the embedded AWS; environment {session.environment!r} always runs")
