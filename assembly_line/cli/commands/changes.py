"""What a changed line differs in, and what releasing it would do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assembly_line.cli.options import AsOfOrNow, LinesFolder, OptionalLine, command
from assembly_line.cli.session import REPOSITORY, Session

if TYPE_CHECKING:
    from assembly_line.release import Release

Against = Annotated[
    Path | None,
    typer.Option(
        "--against",
        metavar="FOLDER",
        exists=True,
        file_okay=False,
        help="Compare with this folder of lines, in place of the releases in force. Needs no AWS.",
    ),
]
Effects = Annotated[
    bool,
    typer.Option(
        "--effects",
        help="Also build the dataset and train both ways, on the tables of the line's data.py. With --against, also "
        "compare the stacks.",
    ),
]
InMarkdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a comment on a pull request.")]


def register(app: typer.Typer) -> None:
    command(app, "diff")(diff)


def diff(
    session: Session,
    line: OptionalLine = None,
    *,
    lines: LinesFolder = None,
    against: Against = None,
    effects: Effects = False,
    as_of: AsOfOrNow = None,
    markdown: InMarkdown = False,
) -> None:
    """Show where a line's folder differs from the release in force, and what would follow of releasing it."""
    from assembly_line.cli.views.changes import draw_changes, written

    folder = lines or session.lines
    before, now = _compared(session, folder, against, line)
    found = [_changed(name, before.get(name), release) for name, release in now.items()]
    gone = sorted({*before} - {*now})
    document: dict[str, Any] = {"lines": found, "gone": gone} if line is None else found[0]
    changed = [one for one in found if one["folder"] != one["release"]]
    if effects:
        for one in changed:
            one["effects"] = _measured(session, before.get(one["line"]), now[one["line"]], folder, as_of)
    if effects and against is not None and (changed or gone):
        document["stacks"] = _stacks(session, against, folder)
    session.output.result(document, written(document) if markdown else draw_changes(document))


def _compared(
    session: Session, folder: Path, against: Path | None, line: str | None
) -> tuple[dict[str, Release], dict[str, Release]]:
    """The lines as they were and as the folder has them; a line that is new there was not."""
    from assembly_line.errors import NotFound
    from assembly_line.loader import load_line, load_lines

    now = load_lines(folder) if line is None else {line: load_line(folder, line)}
    if against is not None:
        before = load_lines(against)
        return (before if line is None else {line: before[line]} if line in before else {}), now
    released = {}
    for name in now:
        try:
            released[name] = session.target.released.release(name)
        except NotFound:
            if line is not None:
                raise
    return released, now


def _changed(line: str, before: Release | None, now: Release) -> dict[str, Any]:
    from assembly_line.training import changes_between, consequences

    if before is None:
        return {"line": line, "release": None, "folder": now.digest, "changes": [], "consequences": []}
    found = changes_between(before, now)
    return {
        "line": line,
        "release": before.digest,
        "folder": now.digest,
        "changes": [asdict(one) for one in found],
        "consequences": consequences(found, before, now),
    }


def _measured(
    session: Session, before: Release | None, now: Release, folder: Path, as_of: str | None
) -> dict[str, Any]:
    from datetime import UTC, datetime

    from assembly_line.effects import measured_effects
    from assembly_line.instants import parse_instant

    known = datetime.now(UTC) if as_of is None else parse_instant(as_of, field="--as-of")
    return measured_effects(before, now, lines=folder, as_of=known, note=session.output.note)


def _stacks(session: Session, against: Path, folder: Path) -> dict[str, str]:
    from assembly_line.effects import stack_changes

    return stack_changes(
        REPOSITORY, session.state, before=against, now=folder, environment=session.environment, note=session.output.note
    )
