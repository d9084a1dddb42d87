"""Judging a model on the holdout: its answers read strictly, its measures beside simple answers and the champion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assembly_line.errors import TrainingRejected
from assembly_line.metrics import difference, figures
from assembly_line.names import Phase
from assembly_line.outcome_kinds import Answer, OutcomeKind, Prior, Unusable
from assembly_line.training.inputs import Truth

BOOTSTRAP_DRAWS = 1000
BOOTSTRAP_SEED = 0


def read_answers(
    content: bytes,
    expected: Sequence[str],
    *,
    kind: OutcomeKind,
    fit: str = Phase.JUDGED,
    again: Sequence[str] = (),
) -> list[Answer]:
    """The answers of a batch transform's output, `decision_id,answer` a line in the order of its input.

    Args:
        content: the output.
        expected: ids of the decisions that the model was asked about, and whose answers are read.
        kind: of the outcome that it predicts.
        fit: which one answered, for the message.
        again: ids behind these; only that they were answered is checked, see `read_again`.

    Raises:
        TrainingRejected: rows are missing, extra or of other decisions, or an answer cannot be used; names the first.
    """
    lines = content.decode("utf-8", errors="replace").splitlines()
    asked = [*expected, *again]
    if len(lines) != len(asked):
        raise TrainingRejected(
            f"{fit} fit: holdout: the model answered {len(lines)} of {len(asked)} rows; inference.py must return "
            "one answer for each row, in order"
        )
    answers = []
    for number, (line, wanted) in enumerate(zip(lines, asked, strict=True), start=1):
        identifier, _, text = line.partition(",")
        place = f"{fit} fit: holdout: output line {number}"
        if identifier != wanted:
            raise TrainingRejected(f"{place} is of {identifier!r}; expected {wanted}")
        if number > len(expected):
            continue
        try:
            answers.append(kind.read(text))
        except Unusable as error:
            raise TrainingRejected(f"{place}: {error}; an answer is {kind.answer_words}; see inference.py") from error
    return answers


def read_again(content: bytes, rows: slice, *, kind: OutcomeKind) -> list[Answer] | str:
    """The answers to changed rows, some of those that `read_answers` checked.

    They are a mere figure, so one that cannot be used is no error: why it cannot comes back in place of all.

    Args:
        rows: their places in the output.
    """
    try:
        lines = content.decode("utf-8", errors="replace").splitlines()
        return [kind.read(line.partition(",")[2]) for line in lines[rows]]
    except Unusable as error:
        return f"an answer to changed inputs cannot be used: {error}"


def evaluate(
    answers: Sequence[Answer],
    truth: Truth,
    *,
    kind: OutcomeKind,
    prior: Prior,
    baseline_feature: str,
    champion: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The measures of a run, as they are shown to the reviewer and kept.

    Args:
        answers: in the order of `truth`.
        truth: the holdout's outcomes, the rule's values and the clusters.
        kind: of the outcome.
        prior: what would be answered without features, by the training part.
        baseline_feature: the feature whose value alone is the rule; higher means likelier, unknown is lowest.
        champion: what `compared` found, if there is anything to compare with.

    Returns:
        `rows`, `kind`, `prior`, `baseline_feature`, `champion`, what `metrics.figures` gives for each measure of the
        kind, and `champion_NAME` where the champion is compared. A binary run has `positives`, too. None where a
        measure is not computable.
    """
    found = {
        "kind": kind.name,
        "rows": len(truth.outcome),
        **kind.counts(truth.outcome),
        **figures(
            kind,
            answers,
            truth.outcome,
            truth.cluster,
            priors=[prior],
            rule=truth.baseline,
            draws=BOOTSTRAP_DRAWS,
            seed=BOOTSTRAP_SEED,
        ),
        "prior": prior,
        "baseline_feature": baseline_feature,
        "champion": champion,
    }
    measured = (champion or {}).get("measures", {})
    return found | {f"champion_{name}": one["champion"] for name, one in measured.items()}


def compared(
    answers: Sequence[Answer],
    truth: Truth,
    predictions: Iterable[Mapping[str, Any]],
    *,
    kind: OutcomeKind,
    run_id: str,
) -> dict[str, Any] | None:
    """The run beside the champion, on the held-out decisions that the champion scored when they were taken.

    A model that was trained again knows its holdout's outcomes once it is the champion. The scores in the ledger were
    given before, so they are compared in place of new ones. A backfill may know more, and is left out.

    Args:
        answers, truth: of the run.
        predictions: rows of the ledger.
        kind: of the outcome; of another kind nothing can be compared.
        run_id: the champion's.

    Returns:
        `run_id`, `rows`, and `measures`: measure -> what `metrics.difference` says of it; None without such a decision.
    """
    places = {identifier: place for place, identifier in enumerate(truth.decision_id)}
    newest: dict[int, Mapping[str, Any]] = {}
    for row in predictions:
        place = places.get(row["decision_id"])
        if place is None or row["model"]["run_id"] != run_id or row.get("backfill"):
            continue
        if place not in newest or newest[place]["revision"] < row["revision"]:
            newest[place] = row
    if not newest:
        return None
    rows = sorted(newest)
    measures = difference(
        kind,
        [answers[row] for row in rows],
        [kind.answer_of(newest[row]) for row in rows],
        [truth.outcome[row] for row in rows],
        [truth.cluster[row] for row in rows],
        draws=BOOTSTRAP_DRAWS,
        seed=BOOTSTRAP_SEED,
    )
    return {"run_id": run_id, "rows": len(rows), "measures": measures}
