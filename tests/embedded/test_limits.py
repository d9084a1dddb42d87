"""A run that misses a declared limit, in the embedded AWS: it ends before its review, and people see why."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from assembly_line.cli.exits import ExitCode
from tests.embedded.deployed_line import LINE, TRAIN, Deployed
from tests.waiting import eventually

LIMITS = 'validation=Validation(segments=("campaign_type",), thresholds={"auc": 0.999}, calibration=0.5),'


def release_with(deployed: Deployed, tmp_path: Path, validation: str) -> Path:
    """Release the shipped line with another validation; its folder."""
    lines = tmp_path / "lines"
    shutil.copytree(deployed.lines, lines)
    declared = lines / LINE / "line.py"
    text = declared.read_text(encoding="utf-8")
    for old, new in (
        ("    Training,\n", "    Training,\n    Validation,\n"),
        ("    delivery=", f"    {validation}\n    delivery="),
    ):
        text = text.replace(old, new, 1)
    declared.write_text(text, encoding="utf-8")
    deployed.release(lines)
    return lines / LINE


@pytest.fixture
def strict(deployed: Deployed, tmp_path: Path) -> Iterator[Deployed]:
    """The shipped line with a limit that it misses."""
    release_with(deployed, tmp_path, LIMITS)
    yield deployed
    deployed.release(deployed.lines)


@pytest.fixture
def repeating(deployed: Deployed, tmp_path: Path) -> Iterator[Path]:
    """The folder of the shipped line, released so that each judged fit is repeated."""
    yield release_with(deployed, tmp_path, "validation=Validation(replicate=True),")
    deployed.release(deployed.lines)


def test_a_run_that_misses_a_limit_is_sent_back_and_says_figure_limit_and_what_to_do(
    strict: Deployed, tmp_path: Path
) -> None:
    command = strict.line

    trained = command(*TRAIN)

    assert trained.code != ExitCode.OK
    for words in ("did not pass: The AUC is 0.", "expected at least 0.999. Train on more decisions"):
        assert words in trained.err + trained.out
    run = next(one["run_id"] for one in command("runs", "list", LINE).document if one["state"] == "did not pass")
    review = command("review", "show", LINE, run, "--as", "reviewer").document
    assert (review["state"], [one["kept"] for one in review["packet"]["validation"]["limits"]]) == (
        "did_not_pass",
        [False, True],
    )
    assert review["packet"]["validation"]["stability"]["rows"] > 0
    refused = command("review", "approve", LINE, run, "--reason", "I like it", "--as", "reviewer")
    assert (refused.code == ExitCode.OK, "did not pass its validation" in refused.err + refused.out) == (False, True)
    told = eventually(lambda: [one for one in strict.station_events() if (one.item, one.kind) == (run, "sent_back")])
    assert "expected at least 0.999" in str(told[0].cause)
    page = tmp_path / "review.html"
    written = command("review", "page", LINE, run, "--to", str(page), "--as", "reviewer")
    assert written.code == ExitCode.OK, written.err
    assert "The run did not pass" in page.read_text(encoding="utf-8")


def test_a_run_is_repeated_by_jobs_of_its_own(deployed: Deployed, repeating: Path) -> None:
    trained = deployed.line(*TRAIN)
    assert trained.code == ExitCode.OK, trained.err
    run = trained.document["run_id"]
    found = deployed.line("review", "show", LINE, run, "--as", "reviewer").document["packet"]["validation"]
    assert (found["replication"]["differs"], found["replication"]["largest"]) == (None, 0.0)
    deployed.line("review", "reject", LINE, run, "--reason", "seen", "--as", "reviewer")


def test_a_script_that_is_not_deterministic_is_found_out(deployed: Deployed, repeating: Path) -> None:
    script = repeating / "train.py"
    text = script.read_text(encoding="utf-8")
    seed = '"seed": arguments.seed,'
    assert seed in text
    unseeded = '"seed": int.from_bytes(os.urandom(3)),\n            "subsample": 0.5,'
    script.write_text(text.replace(seed, unseeded).replace('"subsample": arguments.subsample,', ""), encoding="utf-8")
    deployed.release(repeating.parent)

    trained = deployed.line(*TRAIN)

    assert trained.code != ExitCode.OK
    said = trained.err + trained.out
    assert "did not pass: The repeated fit does not replicate: " in said
    assert "the two began to differ in the model. Seed every random choice of the training script" in said
