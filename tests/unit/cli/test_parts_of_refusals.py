"""Programs are told where a refusal is, which value it is about, and what was expected: all three, of every refusal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from assembly_line import column, days, expression, requests
from assembly_line.cli.exits import parts
from assembly_line.declarations import checks
from assembly_line.declarations.lines import Line
from assembly_line.delivery import Standing, standing
from assembly_line.delivery.run_standing import ScoredPeriod, require_worth_acting
from assembly_line.errors import AssemblyError, MalformedMessage
from assembly_line.features.model.selection import resolved_features
from assembly_line.features.model_inputs.checking import check_model_spec
from assembly_line.feedback.service.feedback_files import read_events
from assembly_line.instants import parse_day, parse_instant
from assembly_line.loader import load_line
from assembly_line.messages import OutcomeReport, Override, Prediction, Receipt, StationEvent, feedback_from_values
from assembly_line.scaffold import new_line
from tests.unit.features.model_inputs.invented import folds_of, random_dataset, spec
from tests.unit.features.small_world import a_line

REQUESTS = [
    kind
    for kind in vars(requests).values()
    if isinstance(kind, type) and issubclass(kind, requests.Request) and kind is not requests.Request
]
DATASET = {"line": "churn", "purpose": "training", "as_of": "2017-07-01"}
PERIOD = {"line": "churn", "from": "2017-07-01", "to": "2017-07-08"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def parts_of(refused: Callable[[], object]) -> dict[str, str | None]:
    with pytest.raises(AssemblyError) as error:
        refused()
    found = parts(error.value)
    assert all(found[name] for name in ("where", "value", "expected")), found
    return found


# Every check that declarations share, with arguments that it refuses.
CHECKS: dict[str, tuple[tuple[Any, ...], str, str]] = {
    "check_line_name": (("Bad-Name",), "Line name", "'Bad-Name'"),
    "check_name": (("Source", "9"), "Source name", "'9'"),
    "check_finite": (("Policy: capacity", math.inf), "Policy: capacity", "inf"),
    "check_unpartitioned": (("Source a", ["Month"]), "Source a: column", "Month"),
    "check_exact": (("Source a", "price", "decimal(20,2)"), "Source a: price", "decimal(20,2)"),
    "check_distinct": (("Source a: column", ["a_b", "A-b"]), "Source a: column names", "'a_b' and 'A-b'"),
}


@pytest.mark.parametrize("name", [name for name in vars(checks) if name.startswith("check_")])
def test_every_check_of_declarations_refuses_with_its_parts(name: str) -> None:
    given, where, value = CHECKS[name]

    found = parts_of(lambda: getattr(checks, name)(*given))

    assert (found["where"], found["value"]) == (where, value)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: days("3"),  # type: ignore[arg-type]
        lambda: days(10**5000),
        lambda: days(10**12),
        lambda: column("a") == Decimal("sNaN"),
        lambda: column("a") == datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")),
        lambda: column("a") == pd.Timestamp(1, tz="UTC"),
        lambda: expression("a +"),
        lambda: expression("a.b"),
    ],
)
def test_a_value_that_no_declaration_takes_is_refused_with_its_parts(wrong: Callable[[], object]) -> None:
    parts_of(wrong)


@pytest.mark.parametrize(("name", "kind", "where"), [("Bad-Name", "regression", "Line name"), ("a_b", "sort", "--for")])
def test_a_new_line_that_cannot_be_is_refused_with_its_parts(name: str, kind: str, where: str, tmp_path: Path) -> None:
    found = parts_of(lambda: new_line(tmp_path, name, kind, today=NOW.date()))

    assert found["where"] == where
    assert not list(tmp_path.iterdir())


def test_a_new_line_in_a_folder_that_is_there_is_refused_with_its_parts(tmp_path: Path) -> None:
    (tmp_path / "reorder").mkdir()

    assert parts_of(lambda: new_line(tmp_path, "reorder", "regression", today=NOW.date()))["value"] == "reorder"


@pytest.mark.parametrize(
    ("text", "where"),
    [("", ""), ("{", ""), ("[{}]", ": event 1"), ('{"a": 1}\n{"a": 1, "a": 2}', ": line 2"), ("[1]", ": event 1")],
)
def test_a_file_of_feedback_is_refused_with_its_parts(text: str, where: str, tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    file.write_text(text, encoding="utf-8")

    assert str(parts_of(lambda: read_events(file))["where"]).startswith(f"{file}{where}")


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.__name__)
def test_every_field_of_every_request_is_refused_with_its_parts(kind: type[requests.Request]) -> None:
    fields = [field.alias or name for name, field in kind.model_fields.items()]
    bad: list[Any] = [None, [], 5, "text", {"unheard": 1}, *({name: {"strange": [1]}} for name in fields)]
    for document in bad:
        found = parts_of(partial(kind.parse, document))
        assert str(found["where"]).startswith(kind.__name__)


@pytest.mark.parametrize(
    ("changes", "where", "value", "expected"),
    [
        ({"as_of": "yesterday"}, "DatasetRequest: as_of", "'yesterday'", "ISO 8601 such as"),
        ({"as_of": "2017-07-01T00:00:00"}, "DatasetRequest: as_of", "'2017-07-01T00:00:00'", "a zone"),
        ({"purpose": "both"}, "DatasetRequest: purpose", "'both'", "'training' or 'scoring'"),
        ({"colour": "red"}, "DatasetRequest: colour", "'red'", "one of the fields line, "),
        ({"model": {}}, "DatasetRequest: model.type", "missing", "one of the types"),
        ({"model": {"type": "oracle"}}, "DatasetRequest: model.type", "'oracle'", "one of 'gradient_boosting'"),
        ({"model": {"type": "ranking"}}, "DatasetRequest: model.group", "missing", "key columns"),
        (
            {"model": {"type": "linear", "split": {"holdout": 0.1, "boundary": "2017-01-01"}}},
            "DatasetRequest: model.split",
            "dict",
            "give holdout or boundary, not both",
        ),
        ({"from": "2018-01-01", "to": "2017-01-01"}, "DatasetRequest", "dict", "from 2018-01-01"),
    ],
)
def test_the_parts_of_a_bad_field_are_those_of_its_message(
    changes: dict[str, Any], where: str, value: str, expected: str
) -> None:
    found = parts_of(lambda: requests.DatasetRequest.parse({**DATASET, **changes}))

    assert (found["where"], found["value"]) == (where, value)
    assert expected in str(found["expected"])


def scored(at: datetime) -> Standing:
    request = requests.ScoringRequest.parse({**PERIOD, "at": at.isoformat()})
    period = ScoredPeriod(run_id="r", since=request.since, until=request.until, instant=NOW)
    found = standing(request, now=NOW, model_knows_until=at, latest=None, overlapping=[period])
    found.require_asked(request)
    return found


def expired() -> None:
    require_worth_acting(requests.ScoringRequest.parse(PERIOD), instant=NOW, expires_after=timedelta(days=1))


def split(**given: Any) -> object:
    return folds_of(random_dataset(31, 100), spec(type="gradient_boosting", split=given))


def asked(**given: Any) -> object:
    request = requests.DatasetRequest.parse({**DATASET, "line": a_line().name, **given})
    return resolved_features(a_line(), request)


def modelled(line: Line, **model: Any) -> None:
    check_model_spec(spec(**model), line)


REFUSED: Mapping[str, Callable[[], object]] = {
    "day": lambda: parse_day("someday", field="--date"),
    "instant": lambda: parse_instant("someday", field="at"),
    "instant beyond": lambda: parse_instant("0001-01-01T00:00:00+14:00", field="at"),
    "replay in the future": lambda: scored(NOW + timedelta(days=1)),
    "delivered before": lambda: scored(NOW),
    "expired": expired,
    "features": lambda: asked(features=["nothing"]),
    "groups": lambda: asked(groups=["nothing"]),
    "keep together": lambda: modelled(a_line(), type="linear", split={"keep_together": ["nothing"]}),
    "survival": lambda: modelled(a_line(), type="survival"),
    "boundary": lambda: split(boundary="2016-07-01"),
    "folds": lambda: split(folds=20, holdout=0.2),
    "embargo": lambda: split(embargo_days=100.0),
    "validation": lambda: folds_of(
        random_dataset(1, 20, instants=2), spec(type="gradient_boosting", split={"validation": 0.5})
    ),
    "one instant": lambda: folds_of(random_dataset(1, 20, instants=1), spec(type="linear")),
    "cadence": lambda: folds_of(
        random_dataset(5, 60, spacing=3), spec(type="forecasting", horizon=1, series=["campaign"])
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_schema_says_is_refused_with_its_parts_too(name: str) -> None:
    parts_of(REFUSED[name])


@pytest.mark.parametrize("message", [Prediction, StationEvent, Override, OutcomeReport, Receipt])
def test_messages_are_refused_with_their_parts(message: Any) -> None:
    found = parts_of(lambda: message.from_values({"version": 7}))
    assert found["kind"] == MalformedMessage.__name__
    parts_of(lambda: feedback_from_values({"kind": "rumour"}))


DECLARED = """from datetime import timedelta

from assembly_line import *

USER = Entity("user", keys={"user_id": "int64"})
EVENTS = Source(
    name="events",
    entities=(USER,),
    columns={"user_id": "int64", "amount": "float64", "text": "string", "at": "timestamp"},
    event_time="at",
    zone="UTC",
    delay=timedelta(0),
)
"""
BAD = [
    'Entity("", keys={"user_id": "int64"})',
    'Entity("user", keys={})',
    'Entity("user", keys={"user_id": "float"})',
    'Source(name="events", entities=(), columns={}, event_time="at")',
    "total(EVENTS, 'text', window=days(3), by=USER)",
    "total(EVENTS, 'nothing', window=days(3), by=USER)",
    "count(EVENTS, window=timedelta(0), by=USER)",
    "count(EVENTS, window=days(3), by='user')",
    'count(EVENTS, window=days(3), by=USER, where=column("text") == None)',
    "days(0)",
    'months(1, zone="Nowhere/At_All")',
    'weekly(on="someday", at="06:30", zone="UTC")',
    "Sampling()",
    'Policy(version=1, act="a", otherwise="b", expires_after=days(1))',
    "Training(framework='xgboost', framework_version='0', baseline='a')",
    "Preprocessing(unknown=True)",
    'expression("a +")',
    "undefined_name",
    "LINE = 5",
    "1 +",
    "raise KeyError('x')",
]


@pytest.mark.parametrize("written", BAD)
def test_a_declaration_is_refused_at_its_place_with_what_is_written_there(written: str, tmp_path: Path) -> None:
    file = tmp_path / "churn" / "line.py"
    file.parent.mkdir()
    file.write_text(f"{DECLARED}{written}\n", encoding="utf-8")

    found = parts_of(lambda: load_line(tmp_path, "churn"))

    line = len(DECLARED.splitlines()) + 1
    assert found["where"] in {f"{file}:{line}", f"{file}: LINE"}
    assert found["where"] == f"{file}: LINE" or found["value"] == written
