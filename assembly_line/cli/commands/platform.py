"""Set up: start, stop and look at the embedded AWS, deploy the stacks, release the lines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assembly_line.cli.options import Line, LinesFolder, OptionalLine, command
from assembly_line.cli.output import duration, fields
from assembly_line.cli.session import REPOSITORY, Session
from assembly_line.errors import RequestRefused

if TYPE_CHECKING:
    from assembly_line.embedded import Deployment


def register(app: typer.Typer) -> None:
    command(app, "up")(up)
    command(app, "down")(down)
    command(app, "status")(show_status)
    command(app, "deploy")(deploy)
    command(app, "release")(release)
    command(app, "pin")(pin)


def up(
    session: Session,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Where to listen. A free port if left out.")
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Begin with an empty account. An account that somebody worked in is moved aside."),
    ] = False,
    limits: Annotated[
        bool, typer.Option("--limits", help="List what of the deployed stacks is recorded and does not act here.")
    ] = False,
    interpreter: Annotated[
        list[str] | None,
        typer.Option(
            "--interpreter",
            metavar="REPOSITORY=PYTHON",
            help="A Python that runs the jobs of an image, by the image's repository. Give it again at each start.",
        ),
    ] = None,
) -> None:
    """Start the embedded AWS and leave it running. It brings back everything that the last run kept."""
    from assembly_line.cli.tracking import begin
    from assembly_line.embedded import require_nothing_at_work, start

    _embedded_only(session, "up")
    if fresh:
        require_nothing_at_work(session.state)
    interpreters = dict(map(_interpreter, interpreter or []))
    runtime = start(session.state, fresh=fresh, port=port, interpreters=interpreters, report=session.output.note)
    not_emulated, mlflow = _limitations(session.state), begin(session)
    document = {
        "endpoint_url": runtime.endpoint_url,
        "state": str(session.state),
        "mlflow": mlflow,
        "not_emulated": not_emulated,
    }
    session.output.result(
        document,
        fields(
            {
                "Embedded AWS": runtime.endpoint_url,
                "State": session.state,
                "MLflow": mlflow or NOT_RECORDED,
                "Not emulated": _limits_in_words(not_emulated, listed=limits),
                "Next": "`line status` shows what there is" if not_emulated else "`line deploy`",
            }
        ),
    )


def _interpreter(text: str) -> tuple[str, str]:
    """A repository, and the path of a program that is there."""
    repository, _, python = text.partition("=")
    found = shutil.which(Path(python).expanduser()) if python else None
    if not repository or found is None:
        raise RequestRefused.about(
            "--interpreter", repr(text), "REPOSITORY=PYTHON, such as team/churn=/opt/churn/bin/python, a program"
        )
    return repository, str(Path(found).absolute())


NOT_RECORDED = "not installed: the line keeps its runs, and docs/mlflow.md says how to see them there"
NOT_KEPT = "Stopped, but its state was not written whole: the next `line up` moves it aside and begins anew."


def down(
    session: Session,
    force: Annotated[
        bool, typer.Option("--force", help="Stop even where the disk is too full to write the state.")
    ] = False,
    interrupt: Annotated[
        bool, typer.Option("--interrupt", help="Stop even if that makes running work fail, and name that work.")
    ] = False,
) -> None:
    """Stop the embedded AWS. `line up` brings back its state. Runs that wait for a review wait on."""
    from assembly_line.embedded import close_page, require_place_for_state, stop

    _embedded_only(session, "down")
    if close_page(session.state):
        session.output.note("MLflow's page was stopped; its runs are kept.")
    if not force:
        require_place_for_state(session.state)
    found = stop(session.state, interrupt=interrupt, report=session.output.note)
    words = "Stopped; its state is kept." if found.clean else NOT_KEPT
    message = words if found.was_running else "Nothing was running."
    document = {
        "was_running": found.was_running,
        "clean": found.clean,
        "problems": list(found.problems),
        "interrupted": len(found.cut),
        "cut": list(found.cut),
        "waiting": list(found.waiting),
    }
    session.output.result(document, lambda console: console.print(message))


def show_status(session: Session) -> None:
    """Show what runs and what each line has: release, champion, runs that wait for a review, executions."""
    from datetime import UTC, datetime

    from assembly_line.cli.edits import edits
    from assembly_line.cli.views.status import draw_status
    from assembly_line.delivery import due_of, paused
    from assembly_line.names import Parameter
    from assembly_line.throughput import overview
    from assembly_line.training import model_age

    target = session.target
    found = {
        "target": target.where,
        "environment": target.environment,
        "feedback_queue": target.queue_url(target.named(Parameter.FEEDBACK_QUEUE)),
        **overview(target),
    }
    for line in found["lines"]:
        queues = target.parameters.subscriber_queues(line["line"])
        line["edited"] = edits(session, line["line"])
        age = model_age(target, line["line"], datetime.now(UTC))
        line["model"] = None if age is None else age.to_json()
        line["paused"] = paused(target, line["line"])
        line["due"] = due_of(target, line["line"], datetime.now(UTC))
        line["subscribers"] = {subscriber: target.queue_url(url) for subscriber, url in queues.items()}
    session.output.result(found, draw_status(found))


def deploy(
    session: Session,
    yes: Annotated[
        bool, typer.Option("--yes", help="Widen permissions in an account without asking. Needed without a terminal.")
    ] = False,
    lines: LinesFolder = None,
    load: Annotated[
        bool,
        typer.Option("--load", help="Also load the raw tables of each line that has none yet, by its data.py."),
    ] = False,
) -> None:
    """Deploy the stacks, then release every declared line. The embedded AWS is started if it does not run.

    Into an account this runs `cdk deploy --all` and shows its output. You need permissions to create what the README
    lists. The command asks before it widens permissions.
    """
    from assembly_line.cli.releasing import release_lines
    from assembly_line.cli.wheels import require_pinned
    from assembly_line.loader import load_lines

    folder = lines or session.lines
    for declared in load_lines(folder).values():
        require_pinned(declared)
    if session.embedded:
        deployed: dict[str, Any] = _deploy_embedded(session, folder)
    else:
        from assembly_line.cli.environments.account_deployment import deploy_account

        deployed = deploy_account(session, folder, approved=yes)
    released = release_lines(session, session.target, folder)
    loaded = _load_missing(session, released, folder) if load else []
    document = {**deployed, "releases": released, "loaded": loaded}
    session.output.result(
        document,
        fields(
            {
                "Stacks": ", ".join(deployed.get("stacks", [])) or None,
                "Took": duration(deployed["seconds"]),
                **{f"Line {name}": f"release {digest[:12]}" for name, digest in released.items()},
                "Next": "; ".join(_next_step(name, loaded=load) for name in released) or None,
            }
        ),
    )


def release(
    session: Session,
    line: OptionalLine = None,
    lines: LinesFolder = None,
) -> None:
    """Publish a line as it is declared now. New work uses it. Running work keeps the release that it began with."""
    from assembly_line.cli.releasing import release_lines

    released = release_lines(session, session.target, lines or session.lines, only=line)
    session.output.result(released, fields({f"Line {name}": f"release {found}" for name, found in released.items()}))


def pin(session: Session, line: Line, lines: LinesFolder = None) -> None:
    """Write into a line's requirements.txt the hash of the wheel that its image gets of each package.

    pip looks for the wheels where yours is configured to look. A hash that is there stays, and must be right.
    """
    from assembly_line.cli.wheels import pinned
    from assembly_line.loader import load_line
    from assembly_line.packages import REQUIREMENTS, written

    folder = lines or session.lines
    release = load_line(folder, line)
    found = pinned(release)
    packages = found.packages
    if packages:
        file = folder / line / REQUIREMENTS
        file.write_text(written(file.read_text(encoding="utf-8"), packages), encoding="utf-8")
    session.output.result(
        {
            "line": line,
            "python": release.python,
            "packages": [package.pinned for package in packages],
            "needed": list(found.needed),
        },
        fields(
            {
                "Packages": ", ".join(map(str, packages)) or f"none: the line has no {REQUIREMENTS}",
                "For": f"Python {release.python} on Linux (x86_64)" if packages else None,
                "The image must have": ", ".join(found.needed) or None,
                "Next": f"`line release {line}`" if packages else None,
            }
        ),
    )


def _load_missing(session: Session, released: Iterable[str], folder: Path) -> list[str]:
    """Load the sources of each line that the lake does not have; returns these lines."""
    from assembly_line.features import is_loaded
    from assembly_line.features import load as load_sources

    missing = [name for name in released if not is_loaded(session.target, name)]
    writing = [name for name in missing if (folder / name / "data.py").is_file()]
    for name in writing:
        load_sources(session.target, name, lines=folder, folder=None, note=session.output.note)
    for name in sorted(set(missing) - set(writing)):
        session.output.note(f"Line {name} has no data.py; `line sources load {name} --from FOLDER` loads its tables.")
    return writing


def _next_step(line: str, *, loaded: bool) -> str:
    return f"`line train {line} --as scientist`" if loaded else f"`line sources load {line}`"


def _deploy_embedded(session: Session, lines: Path) -> dict[str, Any]:
    from assembly_line.embedded import assemble, start
    from assembly_line.embedded import deploy as deploy_assembly

    runtime = start(session.state, report=session.output.note)
    assembly = assemble(REPOSITORY, session.state, session.output.note, lines=lines)
    found: Deployment = deploy_assembly(runtime, assembly, session.output.note)
    return {"stacks": list(found.stacks), "seconds": found.seconds, "digest": found.digest}


def _limitations(state: Path) -> list[str]:
    """What of the deployed stacks is stored without acting; empty before the first deployment."""
    from assembly_line.embedded import StateFolder, limitations, templates_of

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
        raise RequestRefused(
            f"`line {name}` is for the embedded AWS; environment {session.environment!r} always runs",
            where="--environment",
            value=repr(session.environment),
            expected="the embedded AWS",
        )
