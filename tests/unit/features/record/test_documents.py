"""Documents that datasets rest on, member by member: digests of snapshots, and so ids of datasets, are made of them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line.canonical import canonical_json, digest
from assembly_line.features.model.findings import Example, Finding
from assembly_line.features.model.snapshots import (
    EarlierSnapshot,
    SchemaDrift,
    Snapshot,
    SnapshotObject,
    snapshot_from_json,
)
from assembly_line.features.quality.dataset_figures import DatasetFigures, FeatureFigures, figures_from_json
from assembly_line.features.sources.activity import Activity
from assembly_line.features.sources.attempts import Built, built_from_json

TEXTS = st.text(max_size=8)
WHOLE = st.integers(-(2**62), 2**62)
COUNTS = st.integers(0, 2**40)
SHARES = st.floats(0, 1)
COLUMNS = st.dictionaries(TEXTS, st.sampled_from(["int64", "string", "decimal(10,2)"]), max_size=3)
OBJECTS = st.lists(
    st.builds(
        SnapshotObject,
        key=TEXTS, version=TEXTS, bytes=COUNTS, rows=COUNTS, min_time=st.none() | WHOLE, max_time=st.none() | WHOLE,
    ),
    max_size=3,
).map(tuple)  # fmt: skip
SOME = st.lists(TEXTS, max_size=3).map(tuple)
SNAPSHOTS = st.builds(
    Snapshot,
    source=TEXTS,
    columns=COLUMNS,
    objects=OBJECTS,
    drift=st.builds(SchemaDrift, ignored=COLUMNS, added=SOME, gone=SOME),
    inexact=st.none() | SOME,
    earlier=st.none() | st.builds(EarlierSnapshot, snapshot=TEXTS, columns=COLUMNS, objects=OBJECTS),
)
FINDINGS = st.builds(
    Finding,
    rule=TEXTS, passed=st.booleans(), severity=st.sampled_from(["warning", "error"]), value=TEXTS, expected=TEXTS,
    advice=TEXTS, judged=st.booleans(), allowed=st.none() | TEXTS, feature=st.none() | TEXTS,
    examples=st.lists(
        st.builds(
            Example,
            decision_id=st.none() | TEXTS,
            column=TEXTS,
            value=st.none() | WHOLE | TEXTS | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
        ),
        max_size=2,
    ).map(tuple),
)  # fmt: skip
BUILT = st.builds(
    Built,
    engine=TEXTS, versions=st.dictionaries(TEXTS, TEXTS, max_size=2), rows=COUNTS, spine_rows=COUNTS,
    excluded=st.dictionaries(TEXTS, COUNTS, max_size=2), duplicates=COUNTS,
    findings=st.lists(FINDINGS, max_size=2).map(tuple),
    sampling=st.none() | st.dictionaries(TEXTS, COUNTS | TEXTS | SHARES, max_size=2),
    joins=st.dictionaries(TEXTS, TEXTS, max_size=2),
    activity=st.dictionaries(
        TEXTS,
        st.builds(
            Activity,
            newest=st.none() | WHOLE, known=st.none() | WHOLE, pauses=COUNTS, median=COUNTS, usual=COUNTS,
            gaps=st.lists(st.tuples(WHOLE, WHOLE), max_size=2).map(tuple),
        ),
        max_size=2,
    ),
)  # fmt: skip
FIGURES = st.builds(
    DatasetFigures,
    dataset_id=TEXTS, rows=COUNTS, days=st.floats(1, 1e6), positives=st.none() | SHARES,
    features=st.dictionaries(
        TEXTS,
        st.builds(
            FeatureFigures,
            nulls=SHARES, low=st.none() | SHARES, high=st.none() | SHARES, values=st.none() | SOME,
        ),
        max_size=3,
    ),
)  # fmt: skip


def members(value: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def objects_of(objects: tuple[SnapshotObject, ...]) -> list[dict[str, Any]]:
    return [members(one, "key", "version", "bytes", "rows", "min_time", "max_time") for one in objects]


def list_of(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@settings(max_examples=50)
@given(SNAPSHOTS)
def test_a_snapshot_is_stored_member_by_member_and_its_digest_names_its_content(snapshot: Snapshot) -> None:
    content = {
        **members(snapshot, "source", "columns"),
        "objects": objects_of(snapshot.objects),
        "rows": sum(one.rows for one in snapshot.objects),
    }
    earlier = snapshot.earlier
    stored = {
        **content,
        "snapshot": digest(content),
        "drift": {
            "ignored": snapshot.drift.ignored,
            "added": list(snapshot.drift.added),
            "gone": [*snapshot.drift.gone],
        },
        "inexact": None if snapshot.inexact is None else list(snapshot.inexact),
        "earlier": earlier and {**members(earlier, "snapshot", "columns"), "objects": objects_of(earlier.objects)},
    }

    assert snapshot.digest == digest(content)
    assert canonical_json(snapshot.to_json()) == canonical_json(stored)
    assert snapshot_from_json(stored) == snapshot
    # As it was stored before drift, inexact times and earlier content were recorded.
    assert snapshot_from_json(content) == Snapshot(
        source=snapshot.source, columns=snapshot.columns, objects=snapshot.objects
    )


@settings(max_examples=50)
@given(BUILT)
def test_a_build_is_stored_member_by_member(built: Built) -> None:
    names = ("engine", "versions", "rows", "spine_rows", "excluded", "duplicates", "sampling", "joins")
    finding = ("rule", "passed", "severity", "value", "expected", "advice", "judged", "allowed", "feature", "result")
    times = ("newest", "known", "pauses", "median", "usual")
    stored = {
        **members(built, *names),
        "findings": [
            {
                **members(one, *finding),
                "examples": [members(example, "decision_id", "column", "value") for example in one.examples],
            }
            for one in built.findings
        ],
        "activity": {
            source: {**members(one, *times), "gaps": [list(gap) for gap in one.gaps]}
            for source, one in built.activity.items()
        },
    }

    assert canonical_json(built.to_json()) == canonical_json(stored)
    assert built_from_json(stored) == built


@settings(max_examples=50)
@given(FIGURES)
def test_figures_are_stored_without_what_is_not_known(figures: DatasetFigures) -> None:
    features = {
        name: {
            key: list_of(value)
            for key, value in members(one, "nulls", "low", "high", "values").items()
            if value is not None
        }
        for name, one in figures.features.items()
    }
    stored = {**members(figures, "dataset_id", "rows", "days", "positives"), "features": features}

    assert canonical_json(figures.to_json()) == canonical_json(stored)
    assert figures_from_json(stored) == figures
