"""Sampling keeps every positive and the declared share of negatives, the same decisions whoever draws them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assembly_line import Decision, Outcome, Sampling, days, hours
from assembly_line.errors import DeclarationError, RequestRefused
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model.plans import plan_from_json
from assembly_line.features.quality.gate import examine
from assembly_line.features.spine import sampling as drawing
from assembly_line.features.values.columns import Column
from assembly_line.requests import DatasetRequest
from tests.unit.features.random_worlds import SPRING
from tests.unit.features.small_world import DAILY, USER, VISIT, SmallLake, Tables, a_line, rows_of

TRAINING = {"purpose": "training", "as_of": "2017-06-01", "features": ["kind"]}
PEOPLE = 2000


def world(*, backwards: bool = False) -> Tables:
    """Everybody is invited to the first visit, every tenth comes; u0 and u1 are invited twice."""
    invited = [{"user": f"u{n}", "visit": 1} for n in (*range(PEOPLE), 0, 1)]
    came = [{"user": f"u{n}", "visit": 1, "on": SPRING.date(), "n": 1} for n in range(0, PEOPLE, 10)]
    closing = [{"user": "z", "visit": 9, "on": (SPRING + days(9)).date(), "n": 1}]
    return {
        "events": [], "late": [], "daily": came + closing, "people": [],
        "visits": [{"visit": 1, "opens": SPRING, "first_day": None, "closes": None, "kind": "x"}],
        "invited": list(reversed(invited)) if backwards else invited,
    }  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    return SmallLake(a_line(horizon=hours(36)), world(), tmp_path_factory.mktemp("lake"))


def built(lake: SmallLake, sampling: dict[str, Any] | None) -> tuple[Any, Any, dict[str, Column]]:
    plan = plan_from_json(lake.plan(TRAINING | ({} if sampling is None else {"sampling": sampling})).to_json())
    target = lake.folder / "data.parquet"
    return plan, build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024), read_dataset(target)


def ids(columns: dict[str, Column], outcome: int | None = None) -> list[str]:
    return [row["decision_id"] for row in rows_of(columns) if outcome is None or row["came"] == outcome]


def test_every_positive_is_kept_and_of_the_negatives_their_share(lake: SmallLake) -> None:
    _, _, whole = built(lake, None)
    plan, report, columns = built(lake, {"keep_negatives": 0.25, "seed": 3})

    negatives, before = ids(columns, 0), ids(whole, 0)
    assert ids(columns, 1) == ids(whole, 1)
    assert negatives == [name for name in before if name in set(negatives)]
    assert abs(len(negatives) / len(before) - 0.25) < 0.04
    assert report.sampling == {
        "asked": {"keep_negatives": 0.25, "seed": 3},
        "kept": {"positives": len(ids(whole, 1)), "negatives": len(negatives)},
        "dropped": {"positives": 0, "negatives": len(before) - len(negatives)},
        "weights": {"positives": 1.0, "negatives": 4.0},
    }
    assert report.excluded["sampled_out"] == len(before) - len(negatives)
    findings = {finding.rule: finding.passed for finding in examine(plan, report, columns)}
    assert findings["row_count"] and findings["decision_id_unique"]


def test_so_many_negatives_for_each_positive_and_the_weight_restores_their_number(lake: SmallLake) -> None:
    _, _, whole = built(lake, None)
    _, report, columns = built(lake, {"negatives_per_positive": 2})

    kept = report.sampling["kept"]
    # u0 came and is invited twice; u1 did not, is invited twice too, and both of these rows share one hash.
    assert kept["positives"] == PEOPLE // 10 + 1 == len(ids(columns, 1))
    assert kept["negatives"] - 2 * kept["positives"] in (0, 1)
    assert kept["negatives"] * report.sampling["weights"]["negatives"] == pytest.approx(len(ids(whole, 0)))


def test_a_share_of_all_decisions_needs_no_outcome(lake: SmallLake) -> None:
    _, report, columns = built(lake, {"share": 0.5, "seed": 1})

    assert abs(len(ids(columns)) / (PEOPLE + 2) - 0.5) < 0.04
    assert report.sampling["weights"] == {"decisions": 2.0}
    assert report.sampling["kept"]["decisions"] == len(ids(columns)) == report.rows


def test_a_smaller_share_keeps_a_part_of_what_a_larger_one_keeps(lake: SmallLake) -> None:
    less, more = (set(ids(built(lake, {"keep_negatives": share})[2])) for share in (0.1, 0.3))
    other = set(ids(built(lake, {"keep_negatives": 0.1, "seed": 1})[2]))

    assert less < more
    assert len(other & less) < len(less)


def test_the_order_of_the_spine_does_not_matter_and_repeated_decisions_stay_together(
    lake: SmallLake, tmp_path: Path
) -> None:
    asked = {"keep_negatives": 0.5, "seed": 5}
    backwards = SmallLake(lake.line, world(backwards=True), tmp_path)
    found, again = (built(one, asked)[2] for one in (lake, backwards))

    assert ids(found) == ids(again)
    assert [row["user"] for row in rows_of(found)].count("u1") in (0, 2)


def test_the_line_declares_it_and_the_request_has_the_last_word(tmp_path: Path) -> None:
    line = a_line(horizon=hours(36))
    sampled = replace(line, decision=replace(line.decision, sampling=Sampling(keep_negatives=0.1)))
    lake = SmallLake(sampled, world(), tmp_path)
    scoring = {"purpose": "scoring", "as_of": "2017-06-01", "from": "2017-01-01", "to": "2017-06-01"}

    plans = [
        lake.plan(TRAINING),
        lake.plan({**TRAINING, "sampling": {"keep_negatives": 0.1, "seed": 0}}),
        lake.plan({**TRAINING, "sampling": {"share": 1}}),
        lake.plan(scoring),
    ]

    assert [plan.sampling and plan.sampling.keep_negatives for plan in plans] == [0.1, 0.1, None, None]
    assert plans[0].dataset_id == plans[1].dataset_id != plans[2].dataset_id
    # What is drawn for training says nothing about scoring.
    plain = SmallLake(line, world(), tmp_path / "plain")
    assert plain.plan(scoring).dataset_id == plans[3].dataset_id or plain.snapshots != lake.snapshots


def test_the_draw_of_an_id_never_changes() -> None:
    """Published with the semantics: a dataset that is built again keeps its decisions."""
    names = ["d1-20170312-000102030405060708090a0b0c0d0e0f", "d1-20170312-ffffffffffffffffffffffffffffffff"]
    column = Column("string", np.array(names, np.object_), np.ones(2, np.bool_))

    hashes = drawing.hashed(column, 7)

    assert hashes.tolist() == [expected_hash(name, 7) for name in names]


def expected_hash(name: str, seed: int) -> int:
    """SplitMix64 in plain integers."""

    def mixed(bits: int) -> int:
        bits = (bits + 0x9E3779B97F4A7C15) % 2**64
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
        return bits ^ bits >> 31

    return mixed(int(name[-16:], 16) ^ mixed(seed))


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({}, "exactly one of keep_negatives"),
        ({"share": 0.5, "keep_negatives": 0.5}, "exactly one of keep_negatives"),
        ({"share": 0}, "sampling.share: 0"),
        ({"keep_negatives": 1.5}, "sampling.keep_negatives: 1.5"),
        ({"negatives_per_positive": float("inf")}, "sampling.negatives_per_positive: inf"),
        ({"share": 0.5, "seed": -1}, "sampling.seed: -1"),
        ({"share": 0.5, "seed": 1.5}, "sampling.seed: 1.5"),
        ({"share": 0.5, "column": "x"}, "sampling.column"),
    ],
)
def test_a_request_that_means_nothing_is_refused(sampling: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestRefused, match=said):
        DatasetRequest.parse({"line": "small_world", **TRAINING, "sampling": sampling})


def test_sampling_is_for_training_and_by_class_for_classes(tmp_path: Path) -> None:
    number = Outcome(name="came", source=DAILY, by=(USER, VISIT), horizon=hours(36), measure="count")
    line = replace(a_line(), outcome=number)
    lake = SmallLake(line, world(), tmp_path)

    with pytest.raises(RequestRefused, match="sampling is for training"):
        DatasetRequest.parse(
            {"line": "small_world", "purpose": "scoring", "as_of": "2018-01-01", "sampling": {"share": 1}}
        )
    with pytest.raises(RequestRefused, match="measured as count and has no negatives"):
        lake.plan({**TRAINING, "sampling": {"keep_negatives": 0.5}})
    assert lake.plan({**TRAINING, "sampling": {"share": 0.5}}).sampling == Sampling(share=0.5)
    decision: Decision = replace(line.decision, sampling=Sampling(negatives_per_positive=1.0))
    with pytest.raises(DeclarationError, match="sampling by class"):
        replace(line, decision=decision)


@pytest.mark.parametrize("wrong", [{}, {"share": 0.0}, {"keep_negatives": 2.0}, {"share": 0.5, "seed": -1}])
def test_a_declared_sampling_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match="Sampling"):
        Sampling(**wrong)
