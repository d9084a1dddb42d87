"""What a build found stands when a dataset is judged by other rules, as these weigh it; the rest is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assembly_line import allow_leak, between, unique
from assembly_line.declarations.quality import QualityRule
from assembly_line.features.model.findings import Finding
from assembly_line.features.model.plans import Plan
from assembly_line.features.quality.gate import rules_of
from assembly_line.features.quality.leak_findings import KNOWS_THE_FUTURE, Leak, leak_findings
from assembly_line.features.quality.revalidation import built_again, kept_findings, same_rules
from tests.unit.features.leaking_world import world
from tests.unit.features.small_world import PEOPLE, SmallLake, a_line

NAMES = ["events_count", "kind", "age"]
REASON = "events are announced"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    lake = SmallLake(a_line(), world(), tmp_path_factory.mktemp("revalidated"))
    return lake.plan({"purpose": "training", "as_of": "2017-06-01", "features": NAMES})


def under(plan: Plan, *rules: QualityRule) -> Plan:
    return replace(plan, line=replace(plan.line, quality=rules), release="f" * 64)


def judged(plan: Plan, *findings: Finding) -> dict[str, Any]:
    return {"release": plan.release, "rules": rules_of(plan.line), "quality": [one.to_json() for one in findings]}


def unique_people(**changed: Any) -> Finding:
    finding = Finding(
        rule="unique keys of people", passed=False, severity="warning", value="1 rows repeat", advice="load",
        expected="one row for each user",
    )  # fmt: skip
    return replace(finding, **changed)


def test_rules_are_the_same_whatever_the_release_is_called(plan: Plan) -> None:
    manifest = judged(plan)

    assert same_rules(replace(plan, release="e" * 64), manifest)
    assert not same_rules(under(plan, between("age", 0, 9)), manifest)
    del manifest["rules"]
    assert same_rules(plan, manifest)
    assert not same_rules(replace(plan, release="e" * 64), manifest)


def test_a_leak_that_is_no_longer_allowed_stops_and_one_that_now_is_does_not(plan: Plan) -> None:
    lax = under(plan, allow_leak("events_count", reason=REASON))
    leak = Leak(feature="events_count", said="knows the future", value="3 of 9", expected="none", advice="look")
    (allowed,) = leak_findings(lax.line, KNOWS_THE_FUTURE, [leak], looked_at="", expected="none")

    strict, _ = kept_findings(plan, judged(lax, allowed))
    again, _ = kept_findings(lax, judged(plan, *strict))

    assert not allowed.stops
    assert [(one.rule, one.result) for one in strict] == [("leakage: events_count knows the future", "error")]
    assert [(one.result, one.allowed) for one in again] == [("allowed", REASON)]


def test_keys_that_the_build_judged_weigh_what_the_rule_now_says_and_others_are_to_be_read(plan: Plan) -> None:
    manifest = judged(plan, unique_people(), unique_people(rule="row_count", passed=True))

    kept, missing = kept_findings(under(plan, unique(PEOPLE)), manifest)
    other, unread = kept_findings(under(plan, unique(PEOPLE, "age")), manifest)

    assert [(one.rule, one.result) for one in kept] == [("unique keys of people", "error")]
    assert [rule.source.name for rule in missing] == ["visits"]
    assert other == []
    assert [(rule.source.name, rule.keys) for rule in unread] == [("people", ("age",)), ("visits", ("visit",))]


def test_what_the_engine_reported_is_read_from_the_manifest(plan: Plan, tmp_path: Path) -> None:
    manifest = {
        "engine": {"name": "spark", "versions": {"spark": "4"}, "reason": ""},
        "rows": 3, "spine_rows": 4, "excluded": {"immature": 1}, "duplicates": 0,
    }  # fmt: skip

    found = built_again(manifest, [unique_people()])

    assert (found.engine, found.rows, found.excluded) == ("spark", 3, {"immature": 1})
    assert found.findings == (unique_people(),)
