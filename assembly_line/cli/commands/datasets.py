"""Questions about datasets that exist: which there are, what one is, why a value is so, whether it can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from assembly_line.cli import completing, old_spellings
from assembly_line.cli.options import DecidedAt, command
from assembly_line.cli.session import Session

Dataset = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="Dataset id as `line dataset list` prints it, or its beginning: ds-1a2b.",
        autocompletion=completing.datasets,
    ),
]
Judged = Annotated[
    str,
    typer.Argument(
        metavar="DATASET|RUN",
        help="Dataset id or its beginning, or the run that failed. Refused datasets count, too.",
        autocompletion=completing.datasets_and_runs,
    ),
]
Other = Annotated[
    str, typer.Argument(metavar="OTHER", help="The dataset to compare with.", autocompletion=completing.datasets)
]
OneLine = Annotated[str | None, typer.Argument(metavar="LINE", help="Only this line.", autocompletion=completing.lines)]
Decision = Annotated[
    str,
    typer.Argument(
        metavar="DECISION",
        help="A decision_id of the dataset, or its keys, or as many as name one: user_id=7,offer_id=18.",
    ),
]
Feature = Annotated[
    str,
    typer.Argument(
        metavar="FEATURE",
        help="Name of a feature of the dataset, or of its outcome.",
        autocompletion=completing.outcomes_and_features,
    ),
]
To = Annotated[Path, typer.Option("--to", metavar="FILE", dir_okay=False, help="Where the page is written.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many events behind the value are shown.")]
Inputs = Annotated[
    str | None,
    typer.Option(
        "--inputs",
        metavar="INPUTS",
        help="Id of model inputs of the dataset, or its beginning: sh-1a2b.",
        autocompletion=completing.model_inputs,
    ),
]
Folder = Annotated[Path, typer.Option("--to", metavar="FOLDER", help="An empty or new folder.")]
Near = Annotated[int, typer.Option("--near", min=0, help="How many events that did not count, for each reason.")]


def register(datasets: typer.Typer) -> None:
    """Add the commands to the group `line dataset`."""
    command(datasets, "list")(list_datasets)
    command(datasets, "show")(show_dataset)
    command(datasets, "explain")(explain_value)
    command(datasets, "quality")(show_quality)
    command(datasets, "profile")(profile_dataset)
    command(datasets, "verify")(verify_dataset)
    command(datasets, "diff")(diff_datasets)
    command(datasets, "inputs")(list_inputs)
    old_spellings.add_shapes(datasets, list_inputs)
    command(datasets, "get")(get_dataset)


def list_datasets(session: Session, line: OneLine = None) -> None:
    """List the finished datasets, the newest first."""
    from assembly_line.cli.views.datasets import draw_list
    from assembly_line.features import listed

    found = listed(session.target, line)
    session.output.result(found, draw_list(found))


def show_dataset(session: Session, dataset: Dataset) -> None:
    """Show what a dataset is: the request, sources, features, quality, limitations. With --json, its manifest."""
    from assembly_line.cli.views.datasets import draw_manifest
    from assembly_line.features import in_words, opened, outcome_in_words, spine_in_words

    with opened(session.target, dataset) as recorded:
        words = {name: in_words(recorded.plan.line, name) for name in recorded.plan.features}
        line = recorded.plan.line
        found = recorded.manifest.to_json()
        drawn = draw_manifest(found, words, spine=spine_in_words(line.decision), outcome=outcome_in_words(line.outcome))
        session.output.result(found, drawn)


def show_quality(session: Session, dataset: Judged) -> None:
    """Show what every quality rule and the leakage audit found in a dataset, with the rows that broke a rule.

    A refused dataset is shown as well, by its id or by the run that failed.
    """
    from assembly_line.cli.views.quality import draw_quality
    from assembly_line.features import judged

    found = judged(session.target, dataset)
    session.output.result(found, draw_quality(found))


def explain_value(
    session: Session,
    dataset: Dataset,
    decision: Decision,
    feature: Feature,
    *,
    at: DecidedAt = None,
    limit: Limit = 20,
    near: Near = 5,
) -> None:
    """Show the events behind a value, and those that were near but did not count, each with the reason.

    The command recomputes the value from these events by plain arithmetic. If the dataset has another value, the exit
    code is 1.
    """
    from assembly_line.cli.views.explanation import draw_explanation
    from assembly_line.errors import RunFailed
    from assembly_line.features import explained, opened

    with opened(session.target, dataset) as recorded:
        found = explained(recorded, decision, feature, near=near, decided_at=at)
    session.output.result(found, draw_explanation(found, limit=limit))
    if not found["equal"] and not _is_older(session, found):
        raise RunFailed(
            f"{feature} of {found['decision_id']} is {found['value']} in dataset {found['dataset_id']}, and "
            f"{found['recomputed']} by the events listed; `line dataset verify` shows whether other values differ"
        )


def profile_dataset(session: Session, dataset: Dataset, to: To = Path("profile.html")) -> None:
    """Write one HTML page about a dataset: its features with plots, relation to the outcome, drift, quality, audit.

    The page needs nothing else, neither network nor script. Values of personal columns are not on it.
    """
    from assembly_line.cli.output import fields
    from assembly_line.features import opened, page_of_manifest

    with opened(session.target, dataset) as recorded:
        written = page_of_manifest(recorded.plan.line, recorded.manifest, recorded.columns())
    to.write_text(written, encoding="utf-8")
    document = {"dataset_id": recorded.plan.dataset_id, "page": str(to.resolve()), "bytes": len(written.encode())}
    session.output.result(document, fields({"Dataset": document["dataset_id"], "Page": document["page"]}))


def verify_dataset(session: Session, dataset: Dataset) -> None:
    """Recompute a dataset on this machine from its recorded plan and source objects, and compare every value.

    Equal means exactly equal. Floating sums, means, deviations and ratios may differ by a relative 1e-9. If the dataset
    is not equal, the exit code is 1.

    The values of a dataset of an older version of the semantics may differ for that reason alone. The command says so.
    Then only stored rows that are not those of the manifest are a fault.
    """
    from assembly_line.cli.views.datasets import draw_verification

    found = _recomputed(session, dataset)
    session.output.result(found, draw_verification(found))
    _require_equal(session, found)


def require_verified(session: Session, dataset: str) -> None:
    """Recompute a dataset, as `line dataset verify` does, before something relies on it.

    Raises:
        RunFailed: it is not equal.
    """
    _require_equal(session, _recomputed(session, dataset))


def _recomputed(session: Session, dataset: str) -> dict[str, Any]:
    from assembly_line.features import opened, verified

    with opened(session.target, dataset) as recorded:
        session.output.note(f"Recomputing {recorded.plan.dataset_id} ...")
        return verified(recorded)


def _require_equal(session: Session, found: Mapping[str, Any]) -> None:
    from assembly_line.errors import RunFailed
    from assembly_line.features import STORED

    older = _is_older(session, found)
    if not (found["checks"][STORED] if older else found["equal"]):
        broken = [name for name, passed in found["checks"].items() if not passed and (not older or name == STORED)]
        raise RunFailed(f"dataset {found['dataset_id']} is not what its plan gives; does not hold: {'; '.join(broken)}")


def _is_older(session: Session, found: Mapping[str, Any]) -> bool:
    """Whether a dataset was built under an older version of the semantics; if so, it is said."""
    from assembly_line.features import older_version

    said = older_version(found["semantics"]["dataset"])
    if said is not None:
        session.output.note(f"Dataset {found['dataset_id']} {said}.")
    return said is not None


def diff_datasets(session: Session, dataset: Dataset, other: Other) -> None:
    """Show what changed between two datasets of a line: request, declarations, sources, decisions and values."""
    from assembly_line.cli.views.datasets import draw_difference
    from assembly_line.features import changed, older_version, opened

    with opened(session.target, dataset) as first, opened(session.target, other) as second:
        found = changed(first, second)
    session.output.result(found, draw_difference(found))
    for recorded in (first, second):
        said = older_version(recorded.plan.semantics)
        if said is not None:
            session.output.note(f"Dataset {recorded.plan.dataset_id} {said}.")


def list_inputs(session: Session, dataset: Dataset) -> None:
    """List the model inputs of a dataset, newest first: type of model, parts, rows. With --json, their manifests."""
    from assembly_line.cli.views.model_inputs import draw_inputs

    found = session.target.finished_datasets.find(dataset, session.target.control.lines())
    inputs = session.target.inputs.of(found.line, found.dataset_id)
    session.output.result(inputs, draw_inputs(inputs))


def get_dataset(
    session: Session,
    dataset: Dataset,
    *,
    folder: Folder,
    inputs: Inputs = None,
    old: old_spellings.OldInputs = None,
) -> None:
    """Copy a dataset's rows and manifest into a folder, or the files of one of its model inputs."""
    from assembly_line.cli.output import fields
    from assembly_line.features import fetch

    chosen = old_spellings.inputs_of(session, inputs, old)
    found = session.target.finished_datasets.find(dataset, session.target.control.lines())
    paths = fetch(session.target, found, chosen, folder)
    document = {"dataset_id": found.dataset_id, "folder": str(folder), "files": [str(path) for path in paths]}
    names = "\n".join(str(path.relative_to(folder)) for path in paths)
    session.output.result(document, fields({"Dataset": found.dataset_id, "Folder": folder, "Files": names}))
