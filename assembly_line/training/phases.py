"""The fits of a run: one is judged on later time; with `Training.refit` a second one, on everything, is delivered.

With `Validation.replicate` a third one repeats the first. Further ones look into the recipe, as `Validation` declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from assembly_line.declarations.training.validation import Validation
from assembly_line.names import Phase

# The folder of the search before the fits, below that of the run.
TRIALS = "trials/"


@dataclass(frozen=True, slots=True)
class Fit:
    """Where the files of a fit lie below the run's folder, and the steps that its jobs and its model are named by.

    Args:
        phase: which fit.
        number: of an earlier fold or a part of the rows, from 1 on; else 0.
    """

    phase: Phase
    number: int
    folder: str
    train: str
    model: str
    score: str

    @property
    def name(self) -> str:
        """As the states of the machine hand it on, such as `judged` or `fold-2`."""
        return f"{self.phase}-{self.number}" if self.number else str(self.phase)


def fit_of(phase: Phase, *, refit: bool, number: int = 0) -> Fit:
    """The delivered fit lies in the run's own folder: that is the judged one of a line that does not refit."""
    match phase:
        case Phase.FINAL:
            return Fit(phase, 0, "", "refit", "refit-model", "refit-holdout")
        case Phase.JUDGED:
            return Fit(phase, 0, f"{Phase.JUDGED}/" if refit else "", "train", "model", "holdout")
        case Phase.REPLICA:
            return Fit(phase, 0, f"{Phase.REPLICA}/", "again", "again-model", "again-holdout")
        case Phase.FOLD | Phase.NOISE | Phase.PART:
            step = f"{phase}{number or ''}"
            return Fit(phase, number, f"{step}/", step, f"{step}-model", f"{step}-holdout")
        case _:
            assert_never(phase)


def fit_named(name: str, *, refit: bool) -> Fit:
    """The fit that `Fit.name` names."""
    phase, _, number = name.partition("-")
    return fit_of(Phase(phase), refit=refit, number=int(number or 0))


def further_fits(declared: Validation) -> list[Fit]:
    """The fits that look into the recipe: each costs a training job and a scoring of its own."""
    folds = [fit_of(Phase.FOLD, refit=False, number=number) for number in range(1, declared.folds + 1)]
    noise = [fit_of(Phase.NOISE, refit=False)] if declared.planted_noise else []
    parts = [fit_of(Phase.PART, refit=False, number=place) for place, _ in enumerate(declared.learning_curve, 1)]
    return [*folds, *noise, *parts]
