"""After a job that did not end well: nothing runs twice, a lack of capacity is waited for, a script's error is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from assembly_line.errors import JobFailed
from assembly_line.names import is_child, job_name
from assembly_line.training.attempts import Attempt, Found, Problem, Way, way_on

RUN = "coupon-redemption-train-20170701-5f0c1a2b"
ATTEMPT = Attempt(state="Train", kind="training", name=job_name("coupon_redemption", RUN, "train", 1))
FAILED = Problem(error="States.TaskFailed", cause="{}", redrives=0)
IN_USE = replace(FAILED, error="SageMaker.ResourceInUseException")
# As the API words it: https://repost.aws/knowledge-center/sagemaker-resource-limit-exceeded-error
QUOTA = (
    "ResourceLimitExceeded: The account-level service limit 'ml.m5.xlarge for training job usage' is {limit} "
    "Instances, with current utilization of {limit} Instances and a request delta of 1 Instances."
)
CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance."
)


def way(problem: Problem, found: Found | None, *, redrives: int = 0, attempt: Attempt = ATTEMPT) -> Way:
    return way_on(attempt, problem, found, run_id=RUN, redrives=redrives)


def full(limit: int) -> Problem:
    return Problem(error="SageMaker.ResourceLimitExceededException", cause=QUOTA.format(limit=limit), redrives=0)


def failed(reason: str) -> Found:
    return Found(status="failed", reason=reason)


@pytest.mark.parametrize("problem", [FAILED, IN_USE])
def test_a_job_that_was_finished_meanwhile_is_taken(problem: Problem) -> None:
    found = way(problem, Found(status="succeeded", result="s3://a/model.tar.gz"))
    assert (found.way, found.result, found.attempt) == ("take", "s3://a/model.tar.gz", ATTEMPT)


@pytest.mark.parametrize("redrives", [0, 1])
def test_a_job_that_runs_is_looked_at_again_and_never_started_beside(redrives: int) -> None:
    found = way(IN_USE, Found(status="running"), redrives=redrives)
    assert (found.way, found.attempt, found.seconds) == ("look", ATTEMPT, 480)


def test_a_name_in_use_by_a_failed_job_gives_the_next_attempt_a_name_of_its_own() -> None:
    found = way(IN_USE, failed("AlgorithmError: bad column"))
    assert found.way == "begin"
    assert found.attempt == replace(ATTEMPT, number=2, name=job_name("coupon_redemption", RUN, "train", 2))


def test_an_error_of_the_script_fails_with_its_reason_until_somebody_redrives() -> None:
    with pytest.raises(JobFailed, match=f"training {ATTEMPT.name}: AlgorithmError: bad column"):
        way(FAILED, failed("AlgorithmError: bad column"))
    found = way(FAILED, failed("AlgorithmError: bad column"), redrives=1)
    assert (found.way, found.attempt.number) == ("begin", 2)


def test_what_was_refused_before_a_job_came_to_be_is_tried_again_under_its_name() -> None:
    refused = Problem(error="SageMaker.AmazonSageMakerException", cause="AccessDenied: no", redrives=1)
    with pytest.raises(JobFailed, match="AccessDenied: no"):
        way(refused, None, redrives=1)
    assert way(refused, None, redrives=2).attempt == ATTEMPT


def test_a_quota_of_none_fails_at_once_and_says_which() -> None:
    with pytest.raises(JobFailed) as error:
        way(full(0), None)
    assert "quota 'ml.m5.xlarge for training job usage' is 0" in str(error.value)
    assert f"Service Quotas, then go on with `line redrive {RUN}`" in str(error.value)
    assert way(full(0), None, redrives=1).way == "begin"


@pytest.mark.parametrize(("problem", "found", "number"), [(full(2), None, 1), (FAILED, failed(CAPACITY), 2)])
def test_capacity_is_waited_for_longer_each_time_with_its_reason(
    problem: Problem, found: Found | None, number: int
) -> None:
    attempt, waits = ATTEMPT, []
    for _ in range(7):
        held = way(problem, found, attempt=attempt)
        assert held.way == "hold"
        assert held.cause == (problem.cause if found is None else CAPACITY)
        waits.append(held.seconds)
        attempt = held.attempt
    for seconds, most in zip(waits, [60, 120, 240, 480, 960, 1800, 1800], strict=True):
        assert 0.8 * most <= seconds <= most
    assert waits[:6] == sorted(waits[:6])
    assert attempt.number == (1 if number == 1 else 8)


def test_runs_that_met_the_same_shortage_ask_again_at_other_times() -> None:
    waits = {way(full(2), None, attempt=replace(ATTEMPT, name=f"run-{n}", waits=6)).seconds for n in range(20)}
    assert len(waits) > 10
    assert way(full(2), None).seconds == way(full(2), None).seconds


def test_a_spot_job_without_an_instance_waits_visibly_and_tries_again_a_few_times() -> None:
    none = failed("MaxWaitTimeExceeded: no spot instance within the time that the job may wait")
    held = way(FAILED, none)
    assert (held.way, held.attempt.number, held.cause) == ("hold", 2, none.reason)
    with pytest.raises(JobFailed, match=r"declare a longer spot_wait or spot=False, or go on with `line redrive"):
        way(FAILED, none, attempt=replace(ATTEMPT, number=3))


@pytest.mark.parametrize("kind", ["training", "tuning"])
def test_a_search_is_attended_as_a_fit_is(kind: Literal["training", "tuning"]) -> None:
    attempt = replace(ATTEMPT, kind=kind, name="restock-0123456789ab-1")
    assert way(full(2), None, attempt=attempt).way == "hold"
    assert way(FAILED, Found(status="running"), attempt=attempt).way == "look"
    assert way(FAILED, Found(status="succeeded"), attempt=attempt).way == "take"
    used = replace(FAILED, error="SageMaker.ResourceInUseException")
    assert way(used, failed("Stopped"), attempt=attempt).attempt.name == "restock-0123456789ab-2"


def test_after_a_day_without_capacity_the_run_fails() -> None:
    attempt, seconds = ATTEMPT, 0
    with pytest.raises(JobFailed, match="no capacity within a day"):
        while True:
            held = way(full(2), None, attempt=attempt)
            attempt, seconds = held.attempt, seconds + held.seconds
    assert 86_000 < seconds < 2 * 86_400


def test_an_error_of_the_service_gets_two_more_attempts() -> None:
    broken = failed("InternalServerError: We encountered an internal error. Please try again.")
    assert way(FAILED, broken, attempt=replace(ATTEMPT, number=2)).attempt.number == 3
    with pytest.raises(JobFailed, match="InternalServerError"):
        way(FAILED, broken, attempt=replace(ATTEMPT, number=3))


def test_a_dataset_that_somebody_asked_for_is_no_child() -> None:
    assert not is_child("coupon-redemption-dataset-20170712-5f0c1a2b")


@pytest.mark.parametrize("run", ["r-1", "x_Y" * 26])
def test_all_attempts_of_a_step_have_legal_names_that_differ_by_number_alone(run: str) -> None:
    first = Attempt(state="Score", kind="transform", name=job_name("a_line", run, "score", 1))
    second = first.following(run)
    assert second.name == job_name("a_line", run, "score", 2)
    assert len(job_name("a_line", run, "refit-holdout", 999)) <= 63
