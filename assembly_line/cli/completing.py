"""What the shell offers on Tab: declared lines at once; everything else where the embedded AWS runs.

An account answers too slowly to type by.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import typer

from assembly_line.cli.session import REPOSITORY, Options, Session

if TYPE_CHECKING:
    from assembly_line.cli.target import Target
    from assembly_line.declarations.lines import Line

RECENT = 100  # executions of a machine


def environments(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the environments: the embedded one, and those that `settings/` describes."""
    declared = (path.stem for path in (REPOSITORY / "settings").glob("*.toml"))
    return _offered(context, incomplete, lambda _: {"embedded", *declared})


def lines(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the declared lines, by their folders."""
    return _offered(context, incomplete, lambda session: (path.parent.name for path in session.lines.glob("*/line.py")))


def kinds(incomplete: str) -> list[str]:
    """Kinds of outcome that a new line can predict."""
    from assembly_line.scaffold import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


def datasets(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of finished datasets."""
    return _of_target(context, incomplete, _datasets)


def datasets_and_runs(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of finished datasets, and of runs, which may have failed."""
    return _of_target(context, incomplete, lambda target: [*_datasets(target), *_executions(target)])


def model_inputs(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of the model inputs of the dataset that is given already."""

    def ids(target: Target) -> Iterable[str]:
        found = target.finished_datasets.find(context.params["dataset"], target.control.lines())
        return [str(one["shape_id"]) for one in target.inputs.of(found.line, found.dataset_id)]

    return _of_target(context, incomplete, ids)


def reviewed_runs(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of the training runs that were or are to be reviewed; of one line where that is given already."""
    return _of_target(
        context,
        incomplete,
        lambda target: (
            review["run_id"] for name in _lines(context, target) for review in target.control.reviews(name)
        ),
    )


def packets(context: typer.Context, incomplete: str) -> list[str]:
    """Digests of the packets that wait for a judgement; of one line where that is given already."""
    return _of_target(
        context,
        incomplete,
        lambda target: (
            review["packet_digest"]
            for name in _lines(context, target)
            for review in target.control.reviews(name)
            if "packet_digest" in review and review["state"] == "waiting"
        ),
    )


def runs(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of runs of any kind."""
    return _of_target(context, incomplete, _executions)


def logs(context: typer.Context, incomplete: str) -> list[str]:
    """Functions, and ids of runs."""
    return _of_target(context, incomplete, lambda target: [*target.parameters.log_groups(), *_executions(target)])


def features(context: typer.Context, incomplete: str) -> list[str]:
    """Names of features of the line, or of the lines, that are released."""
    return _of_lines(context, incomplete, lambda line: line.features)


def outcomes_and_features(context: typer.Context, incomplete: str) -> list[str]:
    """Names of features and of columns of the outcome."""
    return _of_lines(context, incomplete, lambda line: (*line.features, *line.outcome.columns))


def groups(context: typer.Context, incomplete: str) -> list[str]:
    """Names of groups of features."""
    return _of_lines(context, incomplete, lambda line: line.groups)


def tables(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the tables that the line declares."""
    return _of_lines(context, incomplete, lambda line: (table.name for table in line.tables))


def consumers(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the consumers of the line that is given already."""
    return _of_target(
        context,
        incomplete,
        lambda target: (one for name in _lines(context, target) for one in target.parameters.subscriber_queues(name)),
    )


def keys(context: typer.Context, incomplete: str) -> list[str]:
    """Key columns of the line's decisions."""
    return _of_lines(context, incomplete, lambda line: line.decision.keys)


def several(names: Callable[[typer.Context, str], list[str]]) -> Callable[[typer.Context, str], list[str]]:
    """Completes the last of several names that are separated by commas."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in names(context, last)]

    return complete


def _offered(context: typer.Context, incomplete: str, names: Callable[[Session], Iterable[str]]) -> list[str]:
    given: dict[str, Any] = context.find_root().params
    session = Session(Options(environment=given.get("environment"), state=given.get("state")))
    # Nothing that goes wrong may end up in the line that somebody is typing.
    with contextlib.suppress(Exception), contextlib.redirect_stderr(None):
        return sorted({name for name in names(session) if name.startswith(incomplete)})
    return []


def _of_target(context: typer.Context, incomplete: str, names: Callable[[Target], Iterable[str]]) -> list[str]:
    return _offered(context, incomplete, lambda session: names(session.target) if session.embedded else ())


def _of_lines(context: typer.Context, incomplete: str, names: Callable[[Line], Iterable[str]]) -> list[str]:
    def of_all(target: Target) -> Iterator[str]:
        for line in _lines(context, target):
            yield from names(target.released.current(line))

    return _of_target(context, incomplete, of_all)


def _lines(context: typer.Context, target: Target) -> list[str]:
    given = context.params.get("line")
    return [given] if given else target.control.lines()


def _datasets(target: Target) -> Iterable[str]:
    return [found.dataset_id for found in target.finished_datasets.of(target.control.lines())]


def _executions(target: Target) -> Iterator[str]:
    from assembly_line.stations import machines

    for machine in machines().values():
        yield from (name for name, _ in target.machines.recent(target.named(machine.parameter), limit=RECENT))
