"""The shipped line's scripts, run for real in a tree like a SageMaker container's, without any AWS variable."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xgboost

from assembly_line.training.serving.model_server import Model
from lines.coupon_redemption import inference

SCRIPTS = Path(__file__).parents[3] / "lines" / "coupon_redemption"
FEATURES = ["redemptions", "spend", "kind"]
# Like the model server: the code's folder is on the path, the functions are found by name.
SERVE = """
import sys
import inference
model = inference.model_fn(sys.argv[1])
rows = inference.input_fn(sys.stdin.read(), "text/csv")
body, content_type = inference.output_fn(inference.predict_fn(rows, model), "text/csv")
assert content_type == "text/csv"
sys.stdout.write(body)
"""


def run(tree: Path, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SCRIPTS),
        "SM_CHANNEL_TRAIN": str(tree / "input" / "data" / "train"),
        "SM_MODEL_DIR": str(tree / "model"),
        "SM_NUM_CPUS": "1",
    }
    return subprocess.run(
        [sys.executable, *command],
        input=text,
        env=environment,
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def train(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(tree, str(SCRIPTS / "train.py"), *arguments)


def score(tree: Path, text: str) -> list[float]:
    served = run(tree, "-c", SERVE, str(tree / "model"), text=text)
    assert served.returncode == 0, served.stderr
    return [float(line) for line in served.stdout.splitlines()]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Rows whose outcome follows `redemptions`; `spend` is often missing, `kind` always."""
    channel = tmp_path / "input" / "data" / "train"
    channel.mkdir(parents=True)
    (tmp_path / "model").mkdir()
    draw = np.random.default_rng(5)
    rows = []
    for _ in range(400):
        redemptions, spend = int(draw.integers(5)), draw.uniform(0, 100)
        label = int(draw.random() < 0.1 + 0.2 * redemptions)
        rows.append(f"{label},{redemptions},{'' if spend < 30 else repr(float(spend))},\n")
    (channel / "train.csv").write_text("".join(rows), encoding="utf-8")
    schema = {"label": "redeemed", "features": [{"name": name, "kind": "number"} for name in FEATURES]}
    (channel / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    return tmp_path


def test_learns_saves_json_and_answers_rows_with_missing_fields(tree: Path) -> None:
    trained = train(tree, "--rounds", "20", "--max_depth", "2", "--learning_rate", "0.2", "--seed", "7")

    assert trained.returncode == 0, trained.stderr
    assert "rows=400 features=3" in trained.stdout
    assert [path.name for path in (tree / "model").iterdir()] == ["model.json"]
    low, high, unknown = score(tree, "0,50,\n4,50,\n,,\n")
    assert 0 < low < 0.3 < high < 1
    assert 0 < unknown < 1


def test_the_same_seed_gives_the_same_model(tree: Path) -> None:
    train(tree, "--rounds", "5", "--subsample", "0.7", "--seed", "3")
    first = (tree / "model" / "model.json").read_bytes()
    train(tree, "--rounds", "5", "--subsample", "0.7", "--seed", "3")
    assert (tree / "model" / "model.json").read_bytes() == first
    train(tree, "--rounds", "5", "--subsample", "0.7", "--seed", "4")
    assert (tree / "model" / "model.json").read_bytes() != first


def test_scores_do_not_depend_on_which_rows_are_asked_together_and_one_row_is_enough(tree: Path) -> None:
    train(tree, "--rounds", "20")
    rows = ["0,50,\n", "4,,\n", "2,99.5,"]

    together = score(tree, "".join(rows))

    assert together == [score(tree, row)[0] for row in rows]
    assert all(math.isfinite(value) for value in together)


def test_answers_are_the_models_32_bit_floats_to_the_last_bit(tree: Path) -> None:
    train(tree, "--rounds", "20")
    model = xgboost.Booster(model_file=tree / "model" / "model.json")
    rows = np.array([[0, 50, np.nan], [4, np.nan, np.nan], [2, 99.5, np.nan]])

    answers = np.array(score(tree, "0,50,\n4,,\n2,99.5,\n"), dtype=np.float32)

    assert (answers == model.predict(xgboost.DMatrix(rows, feature_names=FEATURES))).all()


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ("1,,3\n,2,\n", [[1, None, 3], [None, 2, None]]),
        ("1,,3\r\n,2, \r\n", [[1, None, 3], [None, 2, None]]),
        ("1,2,3", [[1, 2, 3]]),
        ("1\n\n2\n", [[1], [None], [2]]),
        ('1\n""\n2', [[1], [None], [2]]),
        ("\r\n1\r\n", [[None], [1]]),
        ("", [[None]]),
        ("\n", [[None]]),
        ("\n\n", [[None], [None]]),
        ("1,2\n\n3,4\n", [[1, 2], [None, None], [3, 4]]),
        ("1,nan\n", [[1, None]]),
    ],
)
def test_what_is_blank_is_a_missing_value_and_every_line_a_row(body: str, rows: list[list[float | None]]) -> None:
    expected = np.array([[np.nan if value is None else value for value in row] for row in rows])

    for text in (body, body.encode()):
        np.testing.assert_array_equal(inference.input_fn(text, "text/csv"), expected)


@pytest.mark.parametrize(("body", "message"), [("1,2\n3\n", "row 2: 1 fields, expected 2"), ("1,two\n", "'two'")])
def test_a_row_that_cannot_be_read_is_refused_rather_than_guessed(body: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inference.input_fn(body, "text/csv")


def test_a_model_of_one_feature_answers_a_row_whose_value_is_missing(tree: Path) -> None:
    channel = tree / "input" / "data" / "train"
    rows = [f"{number % 2},{number % 2 if number % 3 else ''}\n" for number in range(60)]
    (channel / "train.csv").write_text("".join(rows), encoding="utf-8")
    schema = {"label": "redeemed", "features": [{"name": "redemptions", "kind": "number"}]}
    (channel / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    train(tree, "--rounds", "5")

    low, unknown, high = score(tree, "0\n\n1\n")

    assert low < unknown < high


def test_the_model_server_labels_the_answers_as_the_type_that_they_have(tree: Path) -> None:
    train(tree, "--rounds", "2")
    served = Model(inference, str(tree / "model"), rows="dmatrix")

    body, content_type = served.answer(b"1,2,3\n4,5,6\n", "text/csv", "text/csv")

    assert (content_type, len(body.splitlines())) == ("text/csv", 2)


def test_a_row_with_another_number_of_features_fails_instead_of_answering(tree: Path) -> None:
    train(tree, "--rounds", "2")

    served = run(tree, "-c", SERVE, str(tree / "model"), text="1,2\n")

    assert served.returncode != 0
    assert "feature" in served.stderr.lower()


def test_an_unknown_hyperparameter_and_a_missing_channel_fail_the_script(tree: Path) -> None:
    unknown = train(tree, "--depth", "3")
    assert (unknown.returncode, "--depth" in unknown.stderr) == (2, True)
    (tree / "input" / "data" / "train" / "train.csv").unlink()
    missing = train(tree)
    assert missing.returncode != 0
    assert "train.csv" in missing.stderr
