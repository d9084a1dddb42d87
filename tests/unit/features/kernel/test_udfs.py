"""UDFs: exactly the visible events, whatever the chunks and threads; a function that is not one is refused."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line import days, hours, udf
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.lines import Line
from assembly_line.errors import DeclarationError, FeatureFunctionFailed, RequestRefused
from assembly_line.features.engines import engine_duckdb
from assembly_line.features.explain.explanation import explain_value
from assembly_line.features.kernel import evaluation, reductions
from assembly_line.features.model.plans import plan_from_json
from assembly_line.features.planning.planning import make_plan
from assembly_line.features.wording.feature_listing import listed_features
from assembly_line.instants import to_micros
from assembly_line.release import Release
from assembly_line.requests import DatasetRequest
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import EVENTS, SmallLake, Tables, a_line, rows_of
from tests.unit.features.udf_world import SCRIPTS, with_udfs

ALL = {"purpose": "scoring", "as_of": "2030-01-01", "from": "2000-01-01", "to": "2030-01-01"}
PREFACE = "import random, time\nimport pyarrow as pa\nimport pyarrow.compute as pc\nCALLS = []\n"
# How many events, by hand: what the wrong functions below would answer if they were right.
COUNT = "events.group_by('decision', use_threads=False).aggregate([('decision', 'count')])['decision_count']"


@settings(max_examples=12)
@given(
    seed=st.integers(0, 10**6),
    boundary=st.sampled_from(["before", "at_or_before"]),
    delay=st.sampled_from([timedelta(0), timedelta(microseconds=1), hours(25)]),
)
def test_a_function_gets_what_the_decision_may_see_and_nothing_else(seed: int, boundary: str, delay: timedelta) -> None:
    line = with_udfs(a_line(boundary=boundary, delay=delay))
    world = random_world(seed)

    assert_equal(line, built(line, world), reference.dataset(line, world, list(line.features)))


def test_chunks_parts_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    line, world = with_udfs(), random_world(4)
    whole = repr(built(line, world))
    monkeypatch.setattr(reductions, "PAIRS_AT_ONCE", 7)
    monkeypatch.setattr(evaluation, "PART_ROWS", 16)
    monkeypatch.setattr(engine_duckdb, "rows_at_once", lambda *_, **__: 25)

    assert repr(built(line, world)) == whole


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return pa.array([random.random() for _ in set(events['decision'].to_pylist())])", "when asked again"),
        ("CALLS.append(1); return pc.add({count}, float(len(CALLS))).cast(pa.float64())", "when asked again"),
        ("return pc.divide({count}.cast(pa.float64()), float(len(events)))", "for the same events"),
        ("return {count}", "answers an Array of int64, declared is float64, which is double"),
        ("return {count}.cast(pa.float64())[1:]", "values for"),
        ("return {count}.to_pylist()", "answers a list, expected a pyarrow Array of double"),
        ("return None", "answers a NoneType, expected a pyarrow Array"),
        ("return events['price']", "KeyError: 'Field \"price\" does not exist in schema' (features.py, line 6)"),
        ("raise ValueError('no\\nway')", "ValueError: no (features.py, line 6)"),
        ("raise SystemExit(0)", "SystemExit: 0 (features.py, line 6)"),
    ],
)
def test_a_function_that_keeps_no_contract_is_refused_by_name(body: str, said: str) -> None:
    script = f"{PREFACE}def wrong(events):\n    {body.replace('{count}', COUNT)}\n"
    line = line_with("wrong", columns=("n",))

    with pytest.raises(FeatureFunctionFailed) as refused:
        built(line, random_world(5), script.encode())

    assert "feature mine: wrong() of features.py: " in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            b"import no_such_module",
            "features.py: does not import: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (b"wrong = 3", "features.py: has no function wrong"),
        (b"import sys\nsys.exit(0)", "features.py: does not import: SystemExit: 0"),
    ],
)
def test_a_script_that_does_not_hold_the_function_is_refused(script: bytes, said: str) -> None:
    with pytest.raises(FeatureFunctionFailed) as refused:
        built(line_with("wrong"), random_world(5), script)

    assert said in str(refused.value)


def test_a_release_without_the_function_is_refused_before_anything_runs() -> None:
    line = line_with("mine")
    scripts = {"train.py": b"", "inference.py": b""}

    for script, said in (
        ({}, "script 'features.py' is not in its folder"),
        ({"features.py": b"def other(events): ..."}, "features.py: defines no function 'mine'; it defines other"),
        ({"features.py": b"def mine(:"}, "features.py: is not Python"),
    ):
        with pytest.raises(DeclarationError, match=said):
            Release(line, {**scripts, **script})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"columns": ("decision_time",)}, "a column decision_time is there anyway"),
        ({"columns": ("price",)}, "has no column 'price'"),
        ({"columns": ("n", "n")}, "names one twice"),
        ({"function": "os.system"}, "'os.system' is not the name of a function"),
        ({"function": "__import__"}, "is not the name of a function"),
        ({"script": "../features.py"}, "is not a file name such as features.py"),
        ({"returns": "float32"}, "returns the unknown type 'float32'"),
        ({"returns": "decimal(38,2)"}, "its value is decimal(38,2); at most 18 digits are exact"),
        ({"window": days(0)}, "window 0:00:00 is not positive"),
    ],
)
def test_an_own_function_that_contradicts_itself_is_refused(changes: dict[str, Any], said: str) -> None:
    declared: dict[str, Any] = {
        "function": "mine",
        "columns": ("n",),
        "returns": "float64",
        "window": days(1),
        **changes,
    }

    with pytest.raises(DeclarationError) as refused:
        udf(EVENTS, **declared)

    assert said in str(refused.value)


def test_own_functions_are_built_where_there_is_arrow_and_named_by_their_script(tmp_path: Path) -> None:
    line = with_udfs()
    lake = SmallLake(line, random_world(6), tmp_path)

    def planned(digest: str, **asked: Any) -> Any:
        request = DatasetRequest.parse({"line": line.name, **ALL, **asked})
        scripts = {"features.py": digest, "train.py": digest}
        return make_plan(request, line, release="0" * 64, snapshots=lake.snapshots, memory_mib=2048, scripts=scripts)

    plan = planned("1" * 64)
    assert (plan.engine, plan.scripts) == ("spark", {"features.py": "1" * 64})
    assert "take Arrow tables" in plan.reason
    assert plan.dataset_id != planned("2" * 64).dataset_id
    assert plan_from_json(json.loads(json.dumps(plan.to_json()))) == plan
    other = {"features": ["kind"]}
    assert planned("1" * 64, **other).dataset_id == planned("2" * 64, **other).dataset_id
    assert planned("1" * 64, engine="duckdb", **other).engine == "duckdb"
    with pytest.raises(RequestRefused, match="engine: 'duckdb': UDFs"):
        planned("1" * 64, engine="duckdb")


def test_an_explanation_lists_the_events_that_the_function_got() -> None:
    line, world = with_udfs(), random_world(8)
    wanted = max(reference.dataset(line, world, ["late_story"]), key=lambda row: len(row["late_story"] or ""))
    at, rows = micros(wanted["decision_time"]), plain_rows(world["late"], wanted["user"])

    found = explain_value(line, "late_story", at=at, rows={"late_story": rows}, scripts=SCRIPTS)

    assert found.value == wanted["late_story"]
    assert len(found.counted) == found.value.count("|") + 1


def test_an_own_function_is_listed_and_survives_json() -> None:
    line = with_udfs()
    (story,) = [one for one in listed_features(line) if one.name == "late_story"]

    assert (story.kind, story.type, story.columns, story.window) == ("udf", "string", ("s", "n"), "30 hours")
    assert story.definition == (
        "story() of features.py over s, n of the user's late in the 30 hours before the decision"
    )
    assert line_from_json(json.loads(json.dumps(line_to_json(line)))) == line


def test_a_machine_without_arrow_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    line, world = with_udfs(), random_world(8)
    with tempfile.TemporaryDirectory() as place:
        lake = SmallLake(line, world, Path(place))
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(FeatureFunctionFailed, match="pyarrow is not installed here; install the extra"):
            lake.build(ALL, Path(place) / "data.parquet", scripts=SCRIPTS)


def line_with(function: str, columns: tuple[str, ...] = ()) -> Line:
    line = a_line()
    mine = udf(line.sources["events"], function, columns=columns, returns="float64", window=days(9))
    return replace(line, features={"events_count": line.features["events_count"], "mine": mine})


def built(line: Line, world: Tables, script: bytes = SCRIPTS["features.py"]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place:
        lake = SmallLake(line, world, Path(place))
        return rows_of(lake.build(ALL, Path(place) / "data.parquet", scripts={"features.py": script}))


def plain_rows(rows: Any, user: str) -> list[dict[str, Any]]:
    """Rows of a user as an explanation reads them: instants in microseconds."""
    return [
        {name: micros(value) if name in ("at", "known") and value is not None else value for name, value in row.items()}
        for row in rows
        if row["user"] == user
    ]


def micros(instant: Any) -> int:
    return to_micros(instant)
