"""Trying features without AWS: whatever form the tables have, the same dataset; what is wrong with them is said."""

from __future__ import annotations

import contextlib
import inspect
import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assembly_line import Feature, column, count, days, hours, notebook, ratio
from assembly_line.declarations.lines import Line
from assembly_line.errors import AssemblyError, DeclarationError, RequestRefused, SourceUnreadable
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import DAILY, EVENTS, USER, SmallLake, Tables, a_line, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PERIOD: Mapping[str, Any] = {"as_of": "2018-01-01", "since": "2017-01-01", "until": "2018-01-01", "purpose": "scoring"}
pytestmark = pytest.mark.filterwarnings("ignore::assembly_line.notebook.QualityWarning")


@pytest.fixture(scope="module")
def line() -> Line:
    return a_line()


@pytest.fixture(scope="module")
def tables() -> Tables:
    return random_world(11)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory, line: Line, tables: Tables) -> Path:
    """A folder of <source>.parquet, as for `line sources load`."""
    folder = tmp_path_factory.mktemp("raw")
    for name, source in line.sources.items():
        write_rows(source, tables[name], folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, line: Line, tables: Tables) -> pa.Table:
    """What the line's engine builds."""
    folder = tmp_path_factory.mktemp("lake")
    SmallLake(line, tables, folder).build(
        {"purpose": "scoring", "as_of": "2018-01-01", "from": "2017-01-01", "to": "2018-01-01"}, folder / "data.parquet"
    )
    return pq.read_table(folder / "data.parquet")


def given_as(form: str, raw: Path, line: Line) -> Any:
    files = {name: raw / f"{name}.parquet" for name in line.sources}
    return {
        "folder": raw,
        "text": str(raw),
        "files": files,
        "arrow": {name: pq.read_table(file) for name, file in files.items()},
        "relations": {name: duckdb.read_parquet(str(file)) for name, file in files.items()},
    }[form]


@pytest.mark.parametrize("form", ["folder", "text", "files", "arrow", "relations"])
def test_every_form_of_tables_gives_the_dataset_of_the_line(
    form: str, raw: Path, line: Line, expected: pa.Table
) -> None:
    found = notebook.dataset(line, given_as(form, raw, line), **PERIOD)

    assert found.num_rows > 0
    assert found.column_names == expected.column_names
    assert found.schema.remove_metadata() == expected.schema.remove_metadata()
    assert text_of(found) == text_of(expected)


def text_of(table: pa.Table) -> str:
    """Rows as text, in which NaN equals itself."""
    return repr(table.to_pylist())


def test_data_frames_go_in_and_come_out(raw: Path, line: Line, expected: pa.Table) -> None:
    frames = {name: pq.read_table(raw / f"{name}.parquet").to_pandas() for name in ("invited", "visits", "daily")}
    daily = count(DAILY, window=days(2), by=USER)

    found = notebook.dataset(line, frames, features=["daily_count", "tried"], trying={"tried": daily}, **PERIOD)

    frame = found.to_pandas()
    assert frame["tried"].tolist() == frame["daily_count"].tolist() == expected["daily_count"].to_pylist()
    assert str(frame["decision_time"].dtype) == "datetime64[us, UTC]"


def test_what_is_tried_moves_into_the_line_unchanged(raw: Path, line: Line) -> None:
    trying: dict[str, Feature] = {"week": count(DAILY, window=days(7), by=USER), "part": ratio("daily_count", "week")}
    moved = replace(line, features={**line.features, **trying})

    tried = notebook.dataset(line, raw, trying=trying, **PERIOD)

    assert text_of(tried) == text_of(notebook.dataset(moved, raw, **PERIOD))
    assert tried.column_names[-2:] == ["week", "part"]


def test_a_member_of_an_enumeration_counts_what_its_value_counts(raw: Path, line: Line) -> None:
    class Text(str, Enum):  # noqa: UP042
        """Written out, a member is its name."""

        A = "a"

    def counts(value: str) -> Any:
        # Each in a dataset of its own: equal predicates are looked at once.
        counted = count(EVENTS, window=days(30), where=column("s") == value, by=USER)
        return notebook.dataset(line, raw, features=["n"], trying={"n": counted}, **PERIOD)["n"].to_pylist()

    assert sum(counts("a")) > 0
    assert counts(Text.A) == counts("a")


def test_a_tried_feature_may_take_the_place_of_one_of_the_line(raw: Path, line: Line, expected: pa.Table) -> None:
    trying = {"daily_count": count(DAILY, window=hours(12), by=USER)}

    found = notebook.dataset(line, raw, trying=trying, features=["daily_count"], **PERIOD)

    assert 0 < sum(found["daily_count"].to_pylist()) < sum(expected["daily_count"].to_pylist())


def test_only_the_sources_that_are_needed_must_be_given(raw: Path, line: Line) -> None:
    needed = {name: raw / f"{name}.parquet" for name in ("invited", "visits", "people")}

    assert notebook.dataset(line, needed, features=["age"], **PERIOD).num_rows > 0
    with pytest.raises(SourceUnreadable, match="source daily: is needed and was not given; given are invited, visits"):
        notebook.dataset(line, needed, features=["daily_count"], **PERIOD)


def test_the_table_says_what_it_is(raw: Path, line: Line) -> None:
    found = notebook.dataset(line, raw, features=["age"], **PERIOD)

    said = json.loads(found.schema.metadata[notebook.METADATA])
    assert (said["line"], said["purpose"], said["features"]) == ("small_world", "scoring", ["age"])
    assert said["rows"] + sum(said["excluded"].values()) == said["spine_rows"]


def test_a_profile_of_what_was_built_is_one_page_with_every_feature(raw: Path, line: Line, tmp_path: Path) -> None:
    tried = {"tried": count(EVENTS, window=hours(5))}
    found = notebook.dataset(line, raw, trying=tried, features=["age", "kind", "tried"], **PERIOD)

    page = notebook.profile(line, found, tmp_path / "profile.html", trying=tried).read_text(encoding="utf-8")

    assert all(f'id="{name}"' in page for name in ("age", "kind", "tried"))
    assert "events in the 5 hours before the decision" in page
    assert "unique keys of people" in page


@pytest.mark.parametrize(
    "as_of", ["2018-01-01", "2018-01-01T00:00:00Z", date(2018, 1, 1), datetime(2018, 1, 1, tzinfo=UTC)]
)
def test_instants_may_be_text_dates_or_datetimes(raw: Path, line: Line, as_of: Any) -> None:
    found = notebook.dataset(line, raw, features=["age"], **{**PERIOD, "as_of": as_of})

    assert json.loads(found.schema.metadata[notebook.METADATA])["as_of"] == "2018-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"features": ["nonsense"]}, RequestRefused, "has no feature 'nonsense'"),
        ({"as_of": "soon"}, RequestRefused, "as_of"),
        ({"as_of": datetime(2018, 1, 1)}, RequestRefused, "has no zone"),  # noqa: DTZ001 - that is the point
        ({"until": None}, RequestRefused, "needs since and until"),
        ({"trying": {"came": count(DAILY, window=days(1), by=USER)}}, DeclarationError, "came"),
        ({"trying": {"part": ratio("age", "absent")}}, DeclarationError, "'absent'"),
        ({"sources": "/nowhere/at/all"}, SourceUnreadable, "is not a folder"),
        ({"sources": {"invited": 7}}, SourceUnreadable, "source invited: is a int"),
        ({"sources": {"invited": "gone.parquet"}}, SourceUnreadable, "there is no such file"),
        ({"sources": {"invited": pa.table({"user": ["ada"]})}}, SourceUnreadable, "has no column 'visit'"),
        (
            {"sources": {"invited": pa.table({"user": ["ada"], "visit": [1.5]})}},
            SourceUnreadable,
            "column visit: 1 values, such as 1.5 do not fit the declared int64",
        ),
    ],
)
def test_what_is_wrong_is_said(
    raw: Path, line: Line, changed: dict[str, Any], error: type[Exception], said: str
) -> None:
    given = {**PERIOD, "features": ["age"], "sources": raw, **changed}

    with pytest.raises(error, match=said):
        notebook.dataset(line, given.pop("sources"), **given)


@pytest.mark.filterwarnings("default::assembly_line.notebook.QualityWarning")
def test_what_the_gate_would_refuse_is_a_warning(raw: Path, line: Line) -> None:
    with pytest.warns(notebook.QualityWarning, match="volume: 0 rows, expected at least one decision"):
        found = notebook.dataset(line, raw, as_of="2016-01-01", features=["age"])

    assert found.num_rows == 0


def test_tried_features_come_beside_those_that_are_asked_for(raw: Path, line: Line) -> None:
    tried = {"tried": count(EVENTS, window=days(2)), "age": count(EVENTS, window=days(1))}

    found = notebook.dataset(line, raw, features=["kind"], trying=tried, **PERIOD)

    assert found.column_names == ["decision_id", "decision_time", "user", "visit", "kind", "age", "tried"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"until": None}, r"needs since and until, .*got since='2017-01-01', until=None"),
        ({"since": "yesterday"}, r"since: 'yesterday' is not an instant"),
        ({"until": "2016-01-01"}, "since 2017-01-01 is not before until 2016-01-01"),
    ],
)
def test_what_is_wrong_with_the_period_is_said_in_the_words_of_the_call(
    raw: Path, line: Line, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestRefused, match=said) as refused:
        notebook.dataset(line, raw, **{**PERIOD, **changed})

    assert not {"from", "to"} & {word.strip(":`'") for word in str(refused.value).split()}


def test_a_table_of_no_source_of_the_line_is_refused(raw: Path, line: Line) -> None:
    files = {name: raw / f"{name}.parquet" for name in line.sources}

    with pytest.raises(SourceUnreadable) as refused:
        notebook.dataset(line, {**files, "visit": raw / "visits.parquet"}, **PERIOD)

    assert "'visit': expected sources that line" in str(refused.value)
    assert all(name in str(refused.value) for name in line.sources)


def test_a_relation_whose_columns_differ_only_in_case_is_refused(raw: Path, line: Line) -> None:
    files = {name: str(raw / f"{name}.parquet") for name in line.sources}
    column = next(iter(DAILY.columns))
    relation = duckdb.sql(f"SELECT 'other' AS {column.upper()}, * FROM read_parquet('{files['daily']}')")

    with pytest.raises(SourceUnreadable, match=f"source daily: columns: '{column.upper()}', '{column}': expected one"):
        notebook.dataset(line, {**files, "daily": relation}, **PERIOD)


@pytest.fixture(scope="module")
def learnt(raw: Path, line: Line) -> pa.Table:
    return notebook.dataset(line, raw, as_of="2018-01-01")


@pytest.fixture(scope="module")
def whole(learnt: pa.Table) -> pa.Table:
    """Decisions that have all their keys, as the gate wants them."""
    return learnt.filter(pc.is_valid(learnt["decision_id"]))


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda table: table.replace_schema_metadata(None), "Table without the note 'assembly_line'"),
        (lambda table: table.to_pandas(), "DataFrame without the note 'assembly_line'"),
        (lambda table: table.to_pydict(), "dict without the note 'assembly_line'"),
        (lambda table: table.replace_schema_metadata({notebook.METADATA: b"{"}), "no JSON"),
        (lambda table: table.replace_schema_metadata({notebook.METADATA: b"{}"}), "line: missing"),
        (lambda table: table.replace_schema_metadata({notebook.METADATA: b'{"line": 5}'}), "line: 5: expected a text"),
        (lambda table: table.drop_columns(["decision_id"]), "columns decision_id are gone"),
        (lambda table: table.append_column("more", pa.array([1] * len(table), pa.int8())), "column more: int8"),
    ],
)
def test_a_table_that_dataset_did_not_return_is_refused(
    line: Line, learnt: pa.Table, spoilt: Callable[[pa.Table], Any], said: str
) -> None:
    for shown in (
        lambda table: notebook.model_inputs(line, table, {"type": "linear"}),
        lambda table: notebook.profile(line, table, "never.html"),
    ):
        with pytest.raises(AssemblyError) as refused:
            shown(spoilt(learnt))
        assert said in str(refused.value)


def test_a_training_dataset_that_lost_any_of_its_columns_is_refused(line: Line, learnt: pa.Table) -> None:
    for name in learnt.column_names:
        with pytest.raises(RequestRefused, match=f"columns {name} are gone: expected all columns of the dataset"):
            notebook.model_inputs(line, learnt.drop_columns([name]), {"type": "linear"})


def altered(table: pa.Table, name: str, change: Callable[[pa.ChunkedArray], Any]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, change(table[name]))


def test_a_column_of_another_type_than_was_built_is_refused(line: Line, learnt: pa.Table) -> None:
    for field in learnt.schema:
        other = pa.string() if field.type != pa.string() else pa.large_string()
        for change in (lambda values: values.cast(other), lambda values: pa.nulls(len(values), other)):  # noqa: B023
            with contextlib.suppress(pa.ArrowNotImplementedError):
                table = altered(learnt, field.name, change)
                with pytest.raises(RequestRefused, match=f"column {field.name}: {other}: expected .*, as it was built"):
                    notebook.model_inputs(line, table, {"type": "linear"})


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        *(
            (
                lambda table, name=name: altered(
                    table, name, lambda values: pc.if_else(pc.equal(values, values[0]), None, values)
                ),
                f"column {name}: [0-9]+ nulls: expected none",
            )
            for name in ("decision_id", "decision_time", "outcome_known_at")
        ),
        (
            lambda table: altered(table, "came", lambda values: pc.add(values, 2)),
            "column came: 2 values such as [23]: expected one of 1, 0",
        ),
        (
            lambda table: pa.concat_tables([table, table]),
            r"column decision_id: \d+ rows repeat .*: expected at most \d",
        ),
        (lambda table: pa.concat_tables([table, table[:20]]), r"column decision_id: \d+ rows repeat"),
        (lambda table: table.append_column("came", table["came"]), "expected each column once"),
        (lambda table: table.to_batches()[0], "RecordBatch without the note"),
        (lambda table: noted(table, features=[1]), "columns 1 are gone"),
        (lambda table: noted(table, features=[[]]), r"columns \[\] are gone"),
        (lambda table: noted(table, columns=[]), r"columns: \[\]: expected an object"),
    ],
)
def test_values_that_no_dataset_of_the_line_has_are_refused(
    line: Line, whole: pa.Table, spoilt: Callable[[pa.Table], Any], said: str
) -> None:
    with pytest.raises(RequestRefused, match=f"^notebook.model_inputs: table.*{said}"):
        notebook.model_inputs(line, spoilt(whole), {"type": "linear", "split": {"holdout": 0.5}})


@pytest.fixture
def right(raw: Path, line: Line, whole: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Arguments that no function refuses, in a folder that may be written to."""
    monkeypatch.chdir(tmp_path)
    of_table = {"table": whole, "to": tmp_path / "page.html", "model": {"type": "linear", "split": {"holdout": 0.5}}}
    return {**PERIOD, "line": line, "sources": raw, "features": ["age"], **of_table}


WRONG: tuple[Any, ...] = (None, 3, -1, 10**30, True, math.nan, "x", "\ud800", b"x", [], [1], {}, {1: 2}, {"x": 3})
FUNCTIONS = (notebook.dataset, notebook.model_inputs, notebook.profile)


def test_a_profile_shows_a_mean_beyond_every_number(line: Line, whole: pa.Table, tmp_path: Path) -> None:
    page = notebook.profile(line, whole, tmp_path / "page.html").read_text(encoding="utf-8")

    assert "mean inf" in page


@pytest.mark.parametrize(
    ("function", "name"),
    [(function, name) for function in FUNCTIONS for name in inspect.signature(function).parameters],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_an_argument_of_any_other_type_or_value_is_never_a_raw_error(
    right: Mapping[str, Any], function: Callable[..., Any], name: str
) -> None:
    given = {one: right[one] for one in inspect.signature(function).parameters if one in right}
    refused = 0
    for value in WRONG:
        try:
            function(**{**given, name: value})
        except AssemblyError as error:
            refused += 1
            assert name in str(error) or isinstance(error, SourceUnreadable), ascii(value)
    assert refused >= len(WRONG) - 4


@pytest.mark.parametrize(
    ("function", "changed", "said"),
    [
        (notebook.dataset, {"line": None}, r"notebook\.dataset: line is None; expected a line, such as Line\(...\)"),
        (notebook.dataset, {"sources": 3}, r"sources is 3; expected a dict or text or a path"),
        (notebook.dataset, {"features": "age"}, r"features is 'age'; expected a list or None, such as \[\"abc\"\]"),
        (notebook.dataset, {"trying": {"x": 3}}, r"trying\['x'\] is 3; expected a feature"),
        (notebook.dataset, {"sampling": {"share": "a"}}, r"sampling\['share'\] is 'a'; expected a number"),
        (notebook.dataset, {"memory_mib": True}, "memory_mib is True; expected a whole number"),
        *(
            (notebook.dataset, {"memory_mib": memory}, f"notebook.dataset: memory_mib: {memory}: expected 64 to")
            for memory in (10**30, 63, 0, -1)
        ),
        (notebook.model_inputs, {"model": "linear"}, r"notebook\.model_inputs: model is 'linear'; expected a dict"),
        (notebook.profile, {"to": None}, r"notebook\.profile: to is None; expected text or a path"),
        (notebook.profile, {"to": "/nowhere/page.html"}, "to: '/nowhere/page.html' cannot be written"),
    ],
)
def test_an_argument_of_another_type_is_refused_by_name(
    right: Mapping[str, Any], function: Callable[..., Any], changed: dict[str, Any], said: str
) -> None:
    given = {name: right[name] for name in inspect.signature(function).parameters if name in right}

    with pytest.raises(RequestRefused, match=said):
        function(**{**given, **changed})


def noted(table: pa.Table, **changed: Any) -> pa.Table:
    note = json.loads(table.schema.metadata[notebook.METADATA])
    return table.replace_schema_metadata({notebook.METADATA: json.dumps({**note, **changed})})


def test_rows_may_be_left_out_and_a_decision_of_the_spine_may_stand_twice(
    raw: Path, line: Line, whole: pa.Table
) -> None:
    invited = pq.read_table(raw / "invited.parquet")
    files = {name: raw / f"{name}.parquet" for name in line.sources}
    twice = notebook.dataset(line, {**files, "invited": pa.concat_tables([invited, invited])}, as_of="2018-01-01")
    twice = twice.filter(pc.is_valid(twice["decision_id"]))

    for table in (whole, whole[5:], twice):
        (fold,) = notebook.model_inputs(line, table, {"type": "linear", "split": {"holdout": 0.5}})
        assert 0 < len(fold.parts["train"].ids) < len(table)


def test_only_a_training_dataset_of_the_line_becomes_model_inputs(raw: Path, line: Line, learnt: pa.Table) -> None:
    with pytest.raises(RequestRefused, match="a scoring dataset, which has no outcome: expected a training dataset"):
        notebook.model_inputs(line, notebook.dataset(line, raw, **PERIOD), {"type": "linear"})
    with pytest.raises(RequestRefused, match=f"a dataset of line {line.name}: expected one of line other"):
        notebook.model_inputs(replace(line, name="other"), learnt, {"type": "linear"})
