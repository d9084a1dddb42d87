"""A script for each kind of outcome, from a dataset's rows to figures that beat the constant answer."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assembly_line.declarations.lines import Line
from assembly_line.errors import TrainingRejected
from assembly_line.names import Phase
from assembly_line.storage.models.runs import SCHEMA
from assembly_line.training.evaluation import evaluate, read_answers
from assembly_line.training.inputs import training_inputs
from tests.embedded.kinds.spending.line import LINE as SPENDING
from tests.embedded.kinds.triage.line import LINE as TRIAGE

SCRIPTS = Path(__file__).parents[2] / "embedded" / "kinds"
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
}


def table(line: Line) -> dict[str, list[Any]]:
    """Rows of ten days; the outcome follows the first feature."""
    random = np.random.default_rng(6)
    strength = random.integers(0, 3, ROWS)
    names = list(line.features)
    columns: dict[str, list[Any]] = {name: random.normal(0, 1, ROWS).tolist() for name in names}
    if line is TRIAGE:
        columns["product"] = np.array(["x", "y", "z"])[strength].tolist()
        outcomes = [line.outcome.classes[place] for place in strength]
    else:
        columns[names[0]] = strength.tolist()
        outcomes = random.poisson(1 + 4 * strength).tolist()
    times = [int(row // 40) * DAY for row in range(ROWS)]
    return {
        **columns,
        next(iter(line.decision.keys)): list(range(ROWS)),
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
    decisive = next(one.name for one in LINES[kind].predicts.measures if one.constant)
    assert figures[f"{decisive}_interval"][1] < figures[f"prior_{decisive}"]


@pytest.mark.parametrize(
    ("line", "change", "message"),
    [
        (TRIAGE, {399: "sales"}, r"decision d399: outcome team is 'sales'; declared classes are 'billing'"),
        (counting(), {5: -1}, r"decision d5: outcome spends is -1; expected a count"),
        (SPENDING, {7: float("inf")}, r"decision d7: outcome spends is inf; expected a finite number"),
        (SPENDING, dict.fromkeys(range(300), 2.5), r"training part .*: all 280 are 2.5; expected outcomes that differ"),
        (
            TRIAGE,
            dict.fromkeys(range(280, 400), "other"),
            r"holdout .*: no decision has the class 'billing' or 'network'; expected every declared class in each part",
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
