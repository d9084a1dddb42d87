"""A dataset that exists is judged by the rules of the release that asks for it, once for each set of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from assembly_line import between, nulls, unique, volume
from assembly_line.declarations.quality import QualityRule
from assembly_line.errors import QualityGateFailed
from assembly_line.release import Release
from assembly_line.storage.datasets.datasets import DatasetStore
from assembly_line.storage.datasets.finished_datasets import FinishedDatasets
from assembly_line.storage.models.releases import ReleaseStore
from tests.aws.features.conftest import LINE, World

TRAINING = {"purpose": "training", "as_of": "2018-01-02"}
Publish = Callable[..., str]


@pytest.fixture(scope="module")
def first(world: World) -> dict[str, Any]:
    """The dataset, built for the shipped release."""
    return world.steps.run(**TRAINING)


@pytest.fixture
def publish(world: World) -> Iterator[Publish]:
    """Release the line with other quality rules, until the test ends."""
    shipped, releases = world.release, ReleaseStore(world.store)

    def published(*rules: QualityRule) -> str:
        digest = releases.publish(Release(replace(shipped.line, quality=rules), shipped.scripts))
        world.control.set_current_release(LINE, digest)
        return digest

    yield published
    published(*shipped.line.quality)


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at the rows of a finished dataset fails."""

    def refuse(*_: object) -> None:
        raise AssertionError("the rows were read again")

    monkeypatch.setattr(DatasetStore, "download", refuse)


def test_under_the_same_rules_it_is_answered_without_looking_at_its_rows(
    world: World, first: dict[str, Any], publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread(monkeypatch)

    assert world.steps.run(**TRAINING) == {**first, "exists": True}
    publish(*world.release.line.quality)
    assert world.steps.run(**TRAINING) == {**first, "exists": True}


def test_a_stricter_release_is_refused_and_the_one_that_it_was_built_for_is_not(
    world: World, first: dict[str, Any], publish: Publish
) -> None:
    line, steps = world.release.line, world.steps
    publish(between("visits_30d", 0, 1), unique(line.sources["demographics"], "age"))

    plan = steps.plan(**TRAINING)
    assert (plan["exists"], plan["dataset_id"]) == (True, first["dataset_id"])
    for _ in range(2):
        with pytest.raises(QualityGateFailed, match=r"unique keys of demographics: .*visits_30d.*such as d1-2017"):
            steps.finish(plan, None)

    judged = FinishedDatasets(world.store).judged(first["dataset_id"], [LINE])
    assert {finding.rule for finding in judged.findings if finding.stops} == {
        "unique keys of demographics",
        "range of visits_30d",
    }
    assert judged.manifest is not None
    assert all(finding["passed"] for finding in judged.manifest["quality"])
    publish(*line.quality)
    assert steps.run(**TRAINING) == {**first, "exists": True}


def test_what_passes_other_rules_is_not_judged_by_them_again(
    world: World, first: dict[str, Any], publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(nulls("spend_90d", at_most=0.9), unique(world.release.line.sources["demographics"]), volume(at_least=50))

    assert world.steps.run(**TRAINING) == {**first, "exists": True}

    judged = FinishedDatasets(world.store).judged(first["dataset_id"], [LINE])
    findings = {one.rule: one for one in judged.findings}
    assert findings["nulls of spend_90d"].result == "passed"
    assert findings["unique keys of demographics"].severity == "error"
    assert findings["leakage: features that know the future"].result == "passed"
    unread(monkeypatch)
    assert world.steps.run(**TRAINING) == {**first, "exists": True}


@pytest.mark.usefixtures("first")
def test_a_request_is_judged_by_its_own_release_whatever_was_planned_meanwhile(world: World, publish: Publish) -> None:
    publish(between("visits_30d", 0, 1))
    strict = world.steps.plan(**TRAINING)
    publish(*world.release.line.quality)
    world.steps.plan(**TRAINING)

    with pytest.raises(QualityGateFailed, match="visits_30d"):
        world.steps.finish(strict, None)
