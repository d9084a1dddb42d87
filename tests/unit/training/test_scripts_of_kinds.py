"""A script for each kind of outcome, from a dataset's rows to figures that beat the constant answer."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assembly_line.declarations.lines import Line
from assembly_line.encoding import kind_of
from assembly_line.errors import TrainingRejected
from assembly_line.names import Phase
from assembly_line.storage.models.runs import SCHEMA
from assembly_line.training.evaluation import evaluate, read_answers
from assembly_line.training.inputs import training_inputs
from tests.lines_of_kinds import folder_of_lines, line_of

SPENDING, TRIAGE, MAILS, ORDERS = map(line_of, ("spending", "triage", "mails", "orders"))
# Ten days are too few for a season of a week.
WEEKLY = line_of("demand")
DEMAND = replace(WEEKLY, training=replace(WEEKLY.training, season=2))
SCRIPTS = folder_of_lines() / "spending"
ROWS, DAY = 400, 86_400_000_000


def counting(**training: Any) -> Line:
    outcome = replace(SPENDING.outcome, measure="count", column=None)
    cuts = training.get("quantiles", (None,))[-1]
    return replace(
        SPENDING,
        outcome=outcome,
        training=replace(SPENDING.training, score_range=None, **training),
        policy=replace(SPENDING.policy, cuts=cuts),
    )


LINES = {
    "amount": SPENDING,
    "count": counting(),
    "quantiles": counting(quantiles=(0.1, 0.5, 0.9)),
    "multiclass": TRIAGE,
    "ranking": MAILS,
    "forecasting": DEMAND,
    "survival": ORDERS,
}


def table(line: Line) -> dict[str, list[Any]]:
    """Rows of ten days; the outcome follows the first feature."""
    random = np.random.default_rng(6)
    strength = random.integers(0, 3, ROWS)
    names = list(line.features)
    columns: dict[str, list[Any]] = {
        name: ["a", "b"] * (ROWS // 2) if kind_of(feature) == "category" else random.normal(0, 1, ROWS).tolist()
        for name, feature in line.features.items()
    }
    columns |= {name: (np.arange(ROWS) // 8).tolist() for name in line.decision.keys}
    if line is TRIAGE:
        columns["product"] = np.array(["x", "y", "z"])[strength].tolist()
        outcomes = [line.outcome.classes[place] for place in strength]
    else:
        columns[names[0]] = strength.tolist()
        outcomes = random.poisson(1 + 4 * strength).tolist()
    if line is DEMAND:
        # Forty series of one row a day.
        columns["product_id"] = (np.arange(ROWS) % 40).tolist()
        later = random.poisson(1 + 4 * strength[:, np.newaxis], (ROWS, line.outcome.steps - 1))
        columns |= dict(zip(line.outcome.of_steps[1:], later.T.tolist(), strict=True))
    if line is MAILS:
        outcomes = (random.random(ROWS) < 0.02 + 0.48 * strength).astype(int).tolist()
    if line is ORDERS:
        days = random.exponential(40 / (1 + 4 * strength))
        columns[line.outcome.days] = np.clip(days, 0.1, 28).tolist()
        outcomes = (days < 28).astype(int).tolist()
    times = [int(row // 40) * DAY for row in range(ROWS)]
    return {
        **columns,
        "decision_id": [f"d{row}" for row in range(ROWS)],
        "decision_time": times,
        "outcome_known_at": times,
        line.outcome.name: outcomes,
    }


def asked(line: Line, folder: Path) -> tuple[dict[str, Any], Any]:
    """Train and ask the scripts as SageMaker does; the run's figures, and its inputs."""
    inputs = training_inputs(table(line), line, phase=Phase.JUDGED)
    channel, model = folder / "train", folder / "model"
    channel.mkdir()
    model.mkdir()
    (channel / "train.csv").write_bytes(inputs.train)
    (channel / Path(SCHEMA).name).write_text(json.dumps(inputs.schema), encoding="utf-8")
    variables = {**os.environ, "SM_CHANNEL_TRAIN": str(channel), "SM_MODEL_DIR": str(model)}
    subprocess.run([sys.executable, str(SCRIPTS / "train.py")], env=variables, check=True, timeout=60)
    served = runpy.run_path(str(SCRIPTS / "inference.py"))
    ids, rows = zip(*(row.split(",", 1) for row in inputs.batch.decode().splitlines()), strict=True)
    found = served["predict_fn"](served["input_fn"]("\n".join(rows), "text/csv"), served["model_fn"](str(model)))
    lines = served["output_fn"](found, "text/csv")[0].splitlines()
    output = "".join(f"{one},{answer}\n" for one, answer in zip(ids, lines, strict=True)).encode()
    answers = read_answers(output, inputs.truth.decision_id, kind=line.predicts)
    return evaluate(
        answers, inputs.truth, kind=line.predicts, prior=inputs.prior, baseline_feature=line.training.baseline
    ), inputs


@pytest.mark.parametrize("kind", LINES)
def test_a_model_of_each_kind_beats_the_constant_answer_by_more_than_chance(kind: str, tmp_path: Path) -> None:
    figures, inputs = asked(LINES[kind], tmp_path)

    assert figures["kind"] == inputs.schema["kind"] == kind
    decisive = next(one for one in LINES[kind].predicts.measures if one.constant)
    assert all(
        decisive.beats(bound, figures[f"prior_{decisive.name}"]) for bound in figures[f"{decisive.name}_interval"]
    )


def test_rows_that_are_ranked_stand_together_and_no_group_is_cut(tmp_path: Path) -> None:
    content = table(MAILS)
    shuffled = np.random.default_rng(1).permutation(ROWS)
    inputs = training_inputs(
        {name: [values[row] for row in shuffled] for name, values in content.items()}, MAILS, phase=Phase.JUDGED
    )

    assert inputs.schema["targets"] == ["label", "group"]
    learnt = [int(row.split(",")[1]) for row in inputs.train.decode().splitlines()]
    judged = [group for _, group in inputs.truth.outcome]  # type: ignore[misc]
    assert len(list(groupby(learnt))) == len(set(learnt)) == 35
    assert not {*learnt} & {*judged}
    assert {learnt.count(group) for group in learnt} == {8}


def test_a_forecast_is_measured_by_what_the_training_part_alone_says_of_its_series() -> None:
    content = table(DEMAND)
    first = {(day, product): content["sold"][day * 40 + product] for day in range(10) for product in range(40)}

    inputs = training_inputs(content, DEMAND, phase=Phase.JUDGED)

    assert inputs.boundary == 7 * DAY
    for (_, *_, scale), key in zip(inputs.truth.outcome, content["product_id"][280:], strict=True):  # type: ignore[misc]
        apart = [abs(first[day, key] - first[day - 2, key]) for day in range(2, 7)]
        assert scale == pytest.approx(sum(apart) / 5)
        assert inputs.scales[DEMAND.predicts.series({"product_id": key})] == pytest.approx(sum(apart) / 5)
    assert {row.count(",") for row in inputs.train.decode().splitlines()} == {6 + len(DEMAND.features)}


def test_a_forecast_without_decisions_a_season_apart_is_refused() -> None:
    line = replace(DEMAND, training=replace(DEMAND.training, season=8))
    with pytest.raises(TrainingRejected, match=r"no series of 280 decisions has learnt ones that are a season apart"):
        training_inputs(table(DEMAND), line, phase=Phase.JUDGED)


@pytest.mark.parametrize(
    ("line", "change", "message"),
    [
        (TRIAGE, {399: "parking"}, r"decision d399: outcome team is 'parking'; declared classes are 'billing'"),
        (counting(), {5: -1}, r"decision d5: outcome spends is -1; expected a count"),
        (SPENDING, {7: float("inf")}, r"decision d7: outcome spends is inf; expected a finite number"),
        (SPENDING, dict.fromkeys(range(300), 2.5), r"training part .*: all 280 are 2.5: expected outcomes that differ"),
        (
            ORDERS,
            dict.fromkeys(range(240, 400), 0),
            r"holdout .*: none of 160 decisions saw the event: expected an event",
        ),
        (ORDERS, {3: 2}, r"decision d3: outcome orders is 2 after .* days; expected 0 or 1 after a positive number"),
        (
            MAILS,
            dict.fromkeys(range(280), 1),
            r"training part .*: none of 35 groups has decisions that differ: expected a group whose outcomes differ",
        ),
        (DEMAND, {9: float("nan")}, r"decision d9: outcome sold is nan, .*; expected finite numbers"),
        (
            TRIAGE,
            dict.fromkeys(range(280, 400), "sales"),
            r"holdout .*: no decision has the class 'billing' or 'network': expected every declared class in each part",
        ),
    ],
)
def test_outcomes_that_cannot_teach_or_judge_are_refused_by_name(
    line: Line, change: dict[int, Any], message: str
) -> None:
    content = table(line)
    for row, value in change.items():
        content[line.outcome.name][row] = value
    with pytest.raises(TrainingRejected, match=message):
        training_inputs(content, line, phase=Phase.JUDGED)
