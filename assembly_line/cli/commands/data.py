"""Data: raw tables into the lake, datasets on demand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from assembly_line.cli import completing
from assembly_line.cli.commands import dataset_life
from assembly_line.cli.commands import datasets as questions
from assembly_line.cli.options import AsOf, Engine, Line, Wait, command
from assembly_line.cli.output import rows
from assembly_line.cli.session import Session
from assembly_line.names import run_name
from assembly_line.stations import DATASET

From = Annotated[
    Path | None,
    typer.Option("--from", help="Folder with a <source>.parquet for each (default: what the line's data.py fetches)."),
]
Purpose = Annotated[str, typer.Option("--purpose", help="training (with the outcome) or scoring.")]
Since = Annotated[
    str | None, typer.Option("--from", metavar="INSTANT", help="The first decision time. Needed for scoring.")
]
Until = Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="The first decision time that is left out.")]
Features = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="A,B",
        help="Only these features. All of the line if left out.",
        autocompletion=completing.several(completing.features),
    ),
]
For = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="TYPE",
        help="Also prepare model inputs for gradient_boosting, linear, ranking, forecasting or survival.",
    ),
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of --for, such as holdout=0.25.")
]
ModelFile = Annotated[
    Path | None,
    typer.Option("--model", metavar="FILE", help="The type with its parameters as JSON, in place of --for."),
]

Groups = Annotated[
    str | None,
    typer.Option(
        "--groups",
        metavar="A,B",
        help="Groups of features that the line declares.",
        autocompletion=completing.several(completing.groups),
    ),
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Show what would be read, and what it would take. Build nothing."),
]
Sample = Annotated[
    str | None,
    typer.Option(
        "--sample",
        metavar="HOW",
        help="Keep some decisions: keep_negatives=0.1, negatives_per_positive=3 or share=0.5, and ,seed=7.",
    ),
]


def register(app: typer.Typer) -> None:
    sources = typer.Typer(no_args_is_help=True)
    datasets = typer.Typer(no_args_is_help=True)
    command(sources, "load")(load_sources)
    command(datasets, "build")(build_dataset)
    questions.register(datasets)
    dataset_life.register(datasets)
    app.add_typer(sources, name="sources")
    app.add_typer(datasets, name="dataset")


def load_sources(session: Session, line: Line, folder: From = None) -> None:
    """Load every source of the line into the lake as typed Parquet. If one file is wrong, no table is replaced."""
    from assembly_line.cli.views.values import minute
    from assembly_line.features import load
    from assembly_line.instants import format_instant

    loaded = load(session.target, line, lines=session.lines, folder=folder, note=session.output.note)
    document = [
        {
            "source": one.source,
            "rows": one.rows,
            "objects": len(one.objects),
            "newest_event": one.newest and format_instant(one.newest),
            "snapshot": one.digest,
        }
        for one in loaded
    ]
    content = [
        (
            one.source,
            one.rows,
            len(one.objects),
            minute(format_instant(one.newest)) if one.newest else "static",
            one.digest[:12],
        )
        for one in loaded
    ]
    columns = ("source", "rows", "objects", "newest event", "snapshot")
    session.output.result(document, rows(columns, content))


def build_dataset(
    session: Session,
    line: Line,
    *,
    as_of: AsOf,
    purpose: Purpose = "training",
    since: Since = None,
    until: Until = None,
    features: Features = None,
    groups: Groups = None,
    sample: Sample = None,
    engine: Engine = "auto",
    kind: For = None,
    parameters: Set = None,
    model_file: ModelFile = None,
    explain: Explain = False,
    waited: Wait = True,
) -> None:
    """Build a dataset of the line, or get the one that the same request gave before."""
    from assembly_line.cli.edits import warn_of_edits
    from assembly_line.cli.parsing import listed, model_spec_of, period, sampled
    from assembly_line.cli.runs import explain_request, require_features, require_model_spec, run
    from assembly_line.cli.views.datasets import draw_built
    from assembly_line.requests import DatasetRequest
    from assembly_line.storage import pinned

    given: dict[str, Any] = {"line": line, "purpose": purpose, "as_of": as_of, "engine": engine, "explain": explain}
    spec = model_spec_of(kind, parameters or [], model_file)
    chosen = {"features": listed(features), "groups": listed(groups), "sampling": sampled(sample), "model": spec}
    request = DatasetRequest.parse({**given, **period(since, until), **chosen})
    warn_of_edits(session, line)
    require_features(session, request)
    require_model_spec(session, line, request.model)
    if explain:
        explain_request(session, request)
        return
    name = run_name(line, "dataset", request.as_of)
    title = f"Dataset for {line}"
    run(session, DATASET.parameter, name, pinned(session.target, request), waited=waited, title=title, draw=draw_built)
