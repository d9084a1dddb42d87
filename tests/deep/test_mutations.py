"""Everything that the proof judges is broken, one thing at a time: the proof names it, or the survivor is explained."""

from __future__ import annotations

from assembly_line.cli.environments.proving import raised
from assembly_line.proof.judging import Trial, mutate

# Two statements that allow the same: taking out one changes nothing. The tests list each, so that a new one is seen.
TWICE = ("DeliveryKey", "FunctionPermission", "FeedbackSenderPolicy")


def test_every_mutation_is_named_or_its_survival_explained(trial: Trial) -> None:
    outcomes = list(mutate(trial, raised()))
    survivors = [each for each in outcomes if not each.caught]
    kinds = {each.kind for each in outcomes}
    assert kinds == {"grants", "conditions", "dependencies", "bounds", "templates", "machines"}
    assert [each.mutation for each in survivors if not any(name in each.mutation for name in TWICE)] == []
    assert len(survivors) < len(outcomes) / 20
