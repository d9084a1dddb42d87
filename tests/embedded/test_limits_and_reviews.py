"""A run that misses a declared limit, that does not replicate, or that two have to approve, in the embedded AWS."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.names import review_item
from assembly_line.storage.services.job_runs import jobs_of
from tests.embedded.deployed_line import LINE, TRAIN, Deployed
from tests.embedded.line_command import Answer
from tests.waiting import eventually

LIMITS = 'validation=Validation(segments=("campaign_type",), thresholds={"auc": 0.999}, calibration=0.5),'


@pytest.fixture
def released(deployed: Deployed, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Release the shipped line with one more line in its declaration, until the test ends.

    Passages of its training script may be replaced, too.
    """

    def release(declaration: str, **replaced: str) -> None:
        lines = tmp_path / "lines"
        shutil.copytree(deployed.lines, lines)
        declared = lines / LINE / "line.py"
        text = declared.read_text(encoding="utf-8")
        for old, new in (
            ("    Training,\n", "    Training,\n    Review,\n    Validation,\n"),
            ("    delivery=", f"    {declaration}\n    delivery="),
        ):
            text = text.replace(old, new, 1)
        declared.write_text(text, encoding="utf-8")
        script = lines / LINE / "train.py"
        text = script.read_text(encoding="utf-8")
        for old, new in replaced.items():
            assert f"arguments.{old}," in text
            text = text.replace(f"arguments.{old},", f"{new},")
        script.write_text(text, encoding="utf-8")
        deployed.release(lines)

    yield release
    deployed.release(deployed.lines)


def test_a_run_that_misses_a_limit_is_sent_back_and_says_figure_limit_and_what_to_do(
    deployed: Deployed, released: Callable[..., None], tmp_path: Path
) -> None:
    released(LIMITS)
    command = deployed.line

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
    told = eventually(lambda: [one for one in deployed.station_events() if (one.item, one.kind) == (run, "sent_back")])
    assert "expected at least 0.999" in str(told[0].cause)
    page = tmp_path / "review.html"
    written = command("review", "page", LINE, run, "--to", str(page), "--as", "reviewer")
    assert written.code == ExitCode.OK, written.err
    assert "The run did not pass" in page.read_text(encoding="utf-8")


def test_a_run_of_high_risk_decides_once_two_people_approved_it(
    deployed: Deployed, released: Callable[..., None]
) -> None:
    released('risk="high", validation=Validation(replicate=True),')
    command = deployed.line
    run = command(*TRAIN).document["run_id"]

    def approved(who: str) -> Answer:
        return command("review", "approve", LINE, run, "--reason", "beats the rule", "--as", who)

    first = approved("reviewer/ben").document
    again, author = approved("reviewer/Ben"), approved("reviewer/scientist")
    second = approved("reviewer/cleo").document

    assert (first["champion"], first["waits"]) == (None, "waits for another reviewer")
    assert [answer.code for answer in (again, author)] == [ExitCode.REFUSED] * 2
    assert second["champion"] == run
    review = command("review", "show", LINE, run, "--as", "reviewer").document
    assert [one["reviewer"].rpartition("/")[2] for one in review["judgements"]] == ["ben", "cleo"]
    repeated = review["packet"]["validation"]["replication"]
    assert (repeated["differs"], repeated["largest"]) == (None, 0.0)
    replicated = command("runs", "replicate", LINE, run, "--as", "scientist")
    assert replicated.code == ExitCode.OK, replicated.err
    assert (replicated.document["differs"], replicated.document["largest"]) == (None, 0.0)
    assert command("champion", "show", LINE).document["champion"]["run_id"] == run
    assert {one["packet"] for one in review["judgements"]} == {review["packet_digest"]}


def test_reviewers_are_reminded_while_a_run_waits_and_a_judgement_still_takes_effect(
    deployed: Deployed, released: Callable[..., None]
) -> None:
    released(
        "review=Review(timeout=timedelta(minutes=9), remind_after=timedelta(seconds=1), "
        'escalate_after=timedelta(seconds=3), escalate_to=("head@example.com",)),'
    )
    command = deployed.line
    run = command(*TRAIN).document["run_id"]

    def told() -> list[str]:
        (one,) = [one for one in command("review", "list", LINE).document if one["run_id"] == run]
        return [reminder["kind"] for reminder in one.get("reminders", ())]

    assert eventually(lambda: told() if len(told()) == 2 else None) == ["reminder", "escalation"]
    shown = command("review", "list", LINE).out
    assert "escalation" in shown
    told_of = eventually(
        lambda: [one for one in deployed.station_events() if one.item == run and "escalated at" in str(one.cause)]
    )
    assert "`line deploy` makes it" in str(told_of[0].cause)

    approved = command("review", "approve", LINE, run, "--reason", "beats the rule", "--as", "reviewer").document

    assert approved["champion"] == run
    assert told() == ["reminder", "escalation"]


def test_a_run_that_nobody_judged_in_time_waits_again_once_it_is_resumed(
    deployed: Deployed, released: Callable[..., None]
) -> None:
    released("review=Review(timeout=timedelta(seconds=2)),")
    command = deployed.line
    run = command(*TRAIN, "--no-wait").document["run_id"]

    def state() -> str:
        (one,) = [one for one in command("runs", "list", LINE).document if one["run_id"] == run]
        return str(one["state"])

    eventually(lambda: state() == "failed")
    late = command("review", "approve", LINE, run, "--reason", "beats the rule", "--as", "reviewer")
    assert late.code != ExitCode.OK
    assert f"line runs resume {run}" in late.err + late.out

    assert command("redrive", run).code == ExitCode.OK

    eventually(lambda: state() == "champion")


def test_a_script_that_is_not_deterministic_is_found_out(deployed: Deployed, released: Callable[..., None]) -> None:
    released("validation=Validation(replicate=True),", subsample="0.5", seed="int.from_bytes(os.urandom(3))")

    trained = deployed.line(*TRAIN)

    assert trained.code != ExitCode.OK
    said = trained.err + trained.out
    assert "did not pass: The repeated fit does not replicate: " in said
    assert "the two began to differ in the model. Seed every random choice of the training script" in said
    (run, *_) = [one["run_id"] for one in deployed.line("runs", "list", LINE).document]
    again = deployed.line("runs", "replicate", LINE, run, "--as", "scientist")
    assert again.code != ExitCode.OK
    assert "The repeated fit does not replicate: " in again.err + again.out


RECIPE = (
    'validation=Validation(folds=2, fold_thresholds={"auc": 0.5}, planted_noise=True, noise_limit=0.3, '
    "learning_curve=(0.5,)),"
)


def test_a_run_looks_into_its_recipe_by_the_fits_that_were_told_before_and_goes_on_where_one_was_killed(
    deployed: Deployed, released: Callable[..., None], tmp_path: Path
) -> None:
    released(RECIPE)
    command = deployed.line
    asked = ("train", LINE, "--as-of", "2018-01-01", "--as", "scientist")
    planned = command(*asked, "--explain").document

    started = command(*asked, "--no-wait").document
    run = started["run_id"]
    failed = deployed.kill_the_training(started["execution_arn"], f"{run}-fold1-1", after="ScoredFinal")
    assert (failed.status, "SIGKILL" in failed.reason) == ("FAILED", True)
    assert command("redrive", run).document["status"] == "RUNNING"
    eventually(lambda: deployed.target.control.read(LINE, review_item(run)))

    fits = ["judged", "final", "fold 1", "fold 2", "noise", "part 1"]
    assert [one["step"] for one in planned["jobs"]] == fits
    sagemaker = deployed.target.client("sagemaker")
    steps = ("train-1", "refit-1", "fold1-1", "fold1-2", "fold2-1", "noise-1", "part1-1")
    # What had ended well was kept, and the killed job got another attempt.
    assert sorted(jobs_of(sagemaker, LINE, run)) == sorted(f"{run}-{step}" for step in steps)
    assert planned["training_jobs"] == len(fits) == len(steps) - 1
    record = command("runs", "show", LINE, run).document
    found = record["validation"]
    first, second = (found["folds"][name] for name in ("fold-1", "fold-2"))
    assert first["to"] < second["from"] <= second["to"] < record["split"]["holdout_from"]
    assert first["learnt"] < second["learnt"] < record["judged"]["rows"]
    assert found["spread"]["auc"]["worst"] == min(one["measures"]["auc"]["figure"] for one in (first, second))
    assert found["learning_curve"]["part-1"]["learnt"] == round(record["judged"]["rows"] / 2)
    # The script learnt from one column more, and its model was asked with it.
    assert found["noise"]["importance"]["features"].keys() == {"planted_noise"}
    assert found["noise"]["importance"]["rows"] == record["split"]["holdout_rows"]
    assert "matters" in {one["says"] for one in found["importance"]["features"].values()}
    assert [one["kept"] for one in found["limits"]] == [True] * 4
    kept = {model["ModelName"] for model in sagemaker.list_models(MaxResults=100)["Models"]}
    assert {record["further"][name]["jobs"]["model"] for name in record["further"]} & kept == set()
    page = tmp_path / "review.html"
    command("review", "page", LINE, run, "--to", str(page), "--as", "reviewer")
    assert "Over earlier time" in page.read_text(encoding="utf-8")
