"""Names that AWS accepts, from what a user may call things: no two things get the same one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from assembly_line.errors import RequestRefused
from assembly_line.names import (
    RUN_NAME_LIMIT,
    Phase,
    child_run,
    is_child,
    is_job_of,
    job_name,
    jobs_of_run,
    next_job_name,
    require_run_name,
    run_name,
    work_item,
)
from assembly_line.training.phases import fit_of

SAGEMAKER = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
STEPS = sorted(
    {"score", *(step for fit in map(partial(fit_of, refit=True), Phase) for step in (fit.train, fit.model, fit.score))}
)
AT = datetime(2017, 7, 12, tzinfo=UTC)
# Few letters, so that names come close to each other; and any name that AWS takes.
CLOSE = st.from_regex(r"[aA][aA_-]{0,6}", fullmatch=True)
LINES = st.from_regex(r"a[a_]{1,4}", fullmatch=True) | st.from_regex(r"[a-z][a-z0-9_]{1,23}", fullmatch=True)
RUNS = (
    CLOSE
    | st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
    | st.builds(lambda line, step: run_name(line, step, AT), LINES, st.sampled_from([None, "score"]))
)
JOBS = st.tuples(LINES, RUNS, st.sampled_from(STEPS), st.integers(1, 9999))


@given(JOBS)
@example(("a" * 24, "Z" * 64, "refit-holdout", 9999))
@example(("a" * 24, f"{'a' * 24}-20170712-5f0c1a2b", "refit-holdout", 9999))
@example(("a" * 24, f"{'a' * 24}-score-20170712-5f0c1a2b", "refit-holdout", 9999))
def test_job_names_are_legal_and_begin_as_those_of_their_run(job: tuple[str, str, str, int]) -> None:
    name = job_name(*job)

    assert SAGEMAKER.fullmatch(name)
    assert name == job_name(*job)
    assert name.startswith(jobs_of_run(*job[:2]))
    assert is_job_of(name, *job[:2])


@given(JOBS, JOBS)
@example(("aa", "Weekly", "train", 1), ("aa", "weekly", "train", 1))
@example(("aa", "run_1", "train", 1), ("aa", "run--1", "train", 1))
@example(("sales", "us-1", "train", 1), ("sales_us", "1", "train", 1))
@example(("aa", "a-refit", "holdout", 1), ("aa", "a", "refit-holdout", 1))
@example(("aa", "a" * 63 + "b", "train", 1), ("aa", "a" * 63 + "c", "train", 1))
@example(("aa_score", "aa-score-20170712-5f0c1a2b", "train", 1), ("aa", "aa-score-20170712-5f0c1a2b", "train", 1))
@example(
    ("aa_score", "aa-score-score-20170712-5f0c1a2b", "train", 1), ("aa", "aa-score-score-20170712-5f0c1a2b", "train", 1)
)
def test_no_two_jobs_have_one_name(one: tuple[str, str, str, int], other: tuple[str, str, str, int]) -> None:
    assume(one != other)

    assert job_name(*one) != job_name(*other)
    if one[:2] != other[:2]:
        assert not is_job_of(job_name(*one), *other[:2])


@given(JOBS)
def test_the_next_attempt_has_the_name_that_it_would_be_given(job: tuple[str, str, str, int]) -> None:
    line, run, step, attempt = job
    assert next_job_name(job_name(*job), attempt + 1) == job_name(line, run, step, attempt + 1)


def test_a_run_that_the_command_names_has_jobs_called_after_it() -> None:
    run, scoring = (run_name("coupon_redemption", step, AT) for step in (None, "score"))
    assert job_name("coupon_redemption", run, "train", 1) == f"{run}-train-1"
    assert job_name("coupon_redemption", scoring, "score", 1) == f"{scoring}-score-1"


@given(RUNS, st.integers(1, 9999))
def test_the_dataset_of_a_run_is_its_child_and_leads_back_to_it(run: str, attempt: int) -> None:
    assume(not is_child(run))
    child = child_run(run, attempt)

    assert len(child) <= 80  # of Step Functions
    assert is_child(child)
    assert work_item(child) == run


def test_a_name_that_leaves_no_room_for_what_a_run_starts_is_refused() -> None:
    require_run_name("a" * RUN_NAME_LIMIT)
    with pytest.raises(RequestRefused, match="has 65 characters, expected at most 64"):
        require_run_name("a" * (RUN_NAME_LIMIT + 1))


def test_a_run_that_is_called_like_the_dataset_of_another_is_refused() -> None:
    with pytest.raises(RequestRefused, match="like that of the dataset of run 'weekly'"):
        require_run_name("weekly-dataset-2")
