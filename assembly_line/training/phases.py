"""The fits of a run: one is judged on later time; with `Training.refit` a second one, on everything, is delivered.

With `Validation.replicate` a third one repeats the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from assembly_line.names import Phase

# The folder of the search before the fits, below that of the run.
TRIALS = "trials/"


@dataclass(frozen=True, slots=True)
class Fit:
    """Where the files of a fit lie below the run's folder, and the steps that its jobs and its model are named by."""

    folder: str
    train: str
    model: str
    score: str


def fit_of(phase: Phase, *, refit: bool) -> Fit:
    """The delivered fit lies in the run's own folder: that is the judged one of a line that does not refit."""
    match phase:
        case Phase.FINAL:
            return Fit("", "refit", "refit-model", "refit-holdout")
        case Phase.JUDGED:
            return Fit(f"{Phase.JUDGED}/" if refit else "", "train", "model", "holdout")
        case Phase.REPLICA:
            return Fit(f"{Phase.REPLICA}/", "again", "again-model", "again-holdout")
        case _:
            assert_never(phase)
