"""Names that AWS accepts, from what a user may call things."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from assembly_line.names import job_name

SAGEMAKER = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
LINE = st.from_regex(r"[a-z][a-z0-9_]{1,23}", fullmatch=True)
RUN = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}", fullmatch=True)


@given(LINE, RUN, st.sampled_from(["train", "score"]), st.integers(1, 99))
def test_job_names_are_legal_and_stable(line: str, run: str, step: str, attempt: int) -> None:
    name = job_name(line, run, step, attempt)

    assert SAGEMAKER.fullmatch(name)
    assert name == job_name(line, run, step, attempt)


@given(LINE, RUN, st.integers(1, 98))
def test_another_attempt_has_another_name(line: str, run: str, attempt: int) -> None:
    assert job_name(line, run, "train", attempt) != job_name(line, run, "train", attempt + 1)
