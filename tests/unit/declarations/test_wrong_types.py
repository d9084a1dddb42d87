"""A value of the wrong type is refused where it is declared, by the name of its parameter, whatever takes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import assembly_line
from assembly_line import (
    Decision,
    Delivery,
    Due,
    Entity,
    Generated,
    Outcome,
    Policy,
    Refresh,
    Source,
    Training,
    column,
    count,
    daily,
    days,
    hours,
    measure,
    nulls,
    static,
)
from assembly_line.errors import DeclarationError
from assembly_line.faces import offered

SHOP = Entity("shop", keys={"shop_id": "int64"})
SALES = Source(
    name="sales",
    entities=(SHOP,),
    columns={"shop_id": "int64", "amount": "float64", "sold_at": "timestamp", "kind": "string"},
    event_time="sold_at",
    zone="UTC",
    delay=timedelta(0),
)
SHOPS = Source(name="shops", entities=(SHOP,), columns={"shop_id": "int64", "opened": "date"}, static=True, zone="UTC")
OPENED = static(SHOPS, "opened")
MORNINGS = Generated(population=SHOPS, cadence=daily(at="06:30", zone="UTC"))
OF_A_COLUMN = {"source": SALES, "column": "amount", "window": days(7), "where": column("kind") == "a", "by": SHOP}
OF_ROWS = {name: value for name, value in OF_A_COLUMN.items() if name != "column"}
OF_THE_LAST = {"source": SALES, "where": column("kind") == "a", "by": SHOP}
CALENDAR = {"number": 2, "zone": "UTC"}
RULE = {"severity": "warning"}
# Every public name that is called -> every parameter that it has, with a value that is right.
RIGHT: dict[str, dict[str, Any]] = {
    "Entity": {"name": "shop", "keys": {"shop_id": "int64"}},
    "Source": {
        "name": "sales",
        "entities": (SHOP,),
        "columns": {"shop_id": "int64", "sold_at": "timestamp", "known": "timestamp", "end": "timestamp"},
        "event_time": "sold_at",
        "known_time": None,
        "delay": timedelta(0),
        "valid_until": "end",
        "static": False,
        "zone": "UTC",
        "personal": ("shop_id",),
        "description": "all of them",
        "sql": None,
        "inputs": (),
    },
    "Decision": {
        "name": "restocking",
        "entities": (SHOP,),
        "spine": SHOPS,
        "time": OPENED,
        "history_since": datetime(2026, 1, 1, tzinfo=UTC),
        "boundary": "before",
        "sampling": None,
    },
    "Outcome": {
        "name": "ran_out",
        "source": SALES,
        "by": (SHOP,),
        "horizon": days(14),
        "until": None,
        "present": 1,
        "absent": 0,
        "gap": timedelta(0),
        "measure": "happened",
        "column": None,
        "value": None,
        "known": None,
        "delay": timedelta(0),
        "where": None,
        "classes": (),
        "steps": 1,
    },
    "Training": {
        "script": "train.py",
        "inference": "inference.py",
        "framework": "xgboost",
        "framework_version": "3.2-0",
        "instance_type": "ml.m5.large",
        "volume_gib": 10,
        "timeout": timedelta(hours=1),
        "hyperparameters": {"max_depth": 3},
        "holdout": 0.25,
        "baseline": "sales_7d",
        "minimum_rows": 100,
        "refit": True,
        "preprocessing": None,
        "transform_instance_type": "ml.m5.large",
        "quantiles": (),
        "score_range": None,
        "ranked_within": (),
        "season": None,
        "instance_count": 1,
        "spot": True,
        "spot_wait": timedelta(hours=2),
        "tuning": None,
        "retention": assembly_line.Retention(older_than=days(365)),
        "image": None,
        "python": None,
    },
    "Policy": {
        "version": 1,
        "act": "restock",
        "otherwise": "wait",
        "capacity": 0.5,
        "threshold": None,
        "exploration": 0.1,
        "expires_after": days(7),
        "values": {"restock": 2.5},
        "costs": {"restock": 0.5},
        "currency": "USD",
        "cuts": None,
        "threshold_now": 0.8,
    },
    "DecideNow": {"oldest": timedelta(hours=24), "stale": "flag"},
    "Delivery": {
        "subscribers": ("planner",),
        "files": ("jsonl", "csv"),
        "due": Due(after=SHOPS),
        "segments": ("shop",),
        "accounts": ("123456789012",),
        "decide_now": assembly_line.DecideNow(oldest=timedelta(hours=24)),
    },
    "Due": {"cadence": daily(at="06:00", zone="UTC"), "after": None, "within": hours(3), "catch_up": days(1)},
    "Subscriber": {
        "name": "crm",
        "actor": "human",
        "level": "tactical",
        "freshness": days(1),
        "backlog": 1000,
        "owner": "CRM team",
        "where": {"action": ("remind",)},
        "score": (0.5, None),
        "receives": "both",
    },
    "Refresh": {"at": "daily at 05:00", "model_age": days(30), "margin": 0.01},
    "Line": {
        "name": "restock",
        "title": "Which shops run out",
        "owner": "supply",
        "decision": Decision(name="restocking", entities=(SHOP,), spine=SHOPS, time=OPENED),
        "features": {"sales_7d": count(SALES, window=days(7))},
        "outcome": Outcome(name="ran_out", source=SALES, by=(SHOP,), horizon=days(14)),
        "training": Training(framework_version="3.2-0", baseline="sales_7d"),
        "policy": Policy(version=1, act="restock", otherwise="wait", capacity=0.5, expires_after=days(7)),
        "delivery": Delivery(subscribers=("planner",)),
        "risk": "low",
        "quality": (nulls("sales_7d", at_most=0.5),),
        "groups": {"all": ("sales_7d",)},
        "tables": (assembly_line.aggregate("daily", SALES, period="day", measures={"sales": measure("count")}),),
        "online_refresh": "daily at 06:00",
        "refresh": Refresh(at="daily at 05:00"),
        "validation": assembly_line.Validation(segments=("sales_7d",)),
        "review": assembly_line.Review(remind_after=days(3)),
    },
    "count": OF_ROWS,
    **dict.fromkeys(("distinct", "total", "mean", "minimum", "maximum", "stddev", "first", "last"), OF_A_COLUMN),
    "share": OF_A_COLUMN,
    "latest": {**OF_THE_LAST, "column": "amount", "max_age": days(7)},
    "since_last": {**OF_THE_LAST, "max_age": days(7)},
    "slowly_changing": {**OF_THE_LAST, "column": "amount"},
    "static": {"source": SHOPS, "column": "opened", "by": SHOP},
    "udf": {
        "source": SALES,
        "function": "entropy",
        "columns": ("amount",),
        "returns": "float64",
        "window": days(7),
        "script": "features.py",
        "by": SHOP,
    },
    "ratio": {"numerator": "a", "denominator": "b"},
    "expression": {"formula": "a / b"},
    "Generated": {
        "population": SHOPS,
        "cadence": daily(at="06:30", zone="UTC"),
        "lookback": None,
        "active_from": "opened",
        "active_until": "opened",
    },
    "every": {"interval": days(1), "anchor": datetime(2026, 1, 1, tzinfo=UTC)},
    "daily": {"at": "06:30", "zone": "UTC"},
    "weekly": {"on": "monday", "at": "06:30", "zone": "UTC"},
    "monthly": {"on": 1, "at": "06:30", "zone": "UTC"},
    "column": {"name": "kind"},
    "Preprocessing": {"encoding": "one_hot", "imputation": "mean", "scaling": "robust", "unknown": True},
    "Validation": {
        "segments": ("sales_7d",),
        "thresholds": {"auc": 0.7},
        "segment_thresholds": {"auc": 0.6},
        "segment_rows": 50,
        "calibration": 0.1,
        "stability": 0.1,
        "may_be_constant": ("sales_7d",),
        "replicate": True,
        "tolerance": 1e-6,
        "replicate_on": "ml.c5.xlarge",
        "block": True,
        "folds": 3,
        "fold_thresholds": {"auc": 0.6},
        "importance": False,
        "planted_noise": True,
        "noise_limit": 0.25,
        "learning_curve": (0.25, 0.5),
    },
    "Retention": {"older_than": days(90), "keep_last": 3, "at": "daily at 03:00"},
    "Review": {
        "timeout": days(30),
        "remind_after": days(3),
        "remind": ("anna@example.com",),
        "escalate_after": days(10),
        "escalate_to": ("ben@example.com",),
    },
    "Tuning": {
        "metric": "log_loss",
        "printed": "validation log_loss=([0-9.e+-]+)",
        "direction": "Minimize",
        "ranges": {"max_depth": assembly_line.IntegerRange(2, 8)},
        "trials": 10,
        "parallel": 2,
        "strategy": "Random",
        "seed": 7,
    },
    "ContinuousRange": {"lowest": 0.01, "highest": 0.3, "scale": "Logarithmic"},
    "IntegerRange": {"lowest": 2, "highest": 8, "scale": "Linear"},
    "CategoricalRange": {"values": ("gbtree", "dart")},
    "Sampling": {"keep_negatives": 0.5, "negatives_per_positive": None, "share": None, "seed": 1},
    "nulls": {"feature": "sales_7d", "at_most": 0.5, **RULE},
    "between": {"feature": "sales_7d", "low": 0.0, "high": 9.0, **RULE},
    "one_of": {"feature": "sales_7d", "values": ("a", "b"), **RULE},
    "unique": {"source": SHOPS, "columns": "opened", **RULE},
    "volume": {"at_least": 1, "change_at_most": 0.5, **RULE},
    "fresh": {"source": SALES, "within": days(7), **RULE},
    "predictive": {"at_most": 0.9, **RULE},
    "allow_leak": {"feature": "sales_7d", "reason": "known at the decision"},
    "aggregate": {
        "name": "daily",
        "source": SALES,
        "period": "day",
        "measures": {"sales": measure("count")},
        "by": SHOP,
        "columns": ("kind",),
        "zone": "UTC",
        "refresh": "daily at 06:00",
    },
    "measure": {"kind": "sum", "column": "amount"},
    "wide": {
        "name": "mornings",
        "population": MORNINGS,
        "features": ("sales_7d",),
        "by": SHOP,
        "refresh": "daily at 06:00",
    },
    "days": {"number": 7},
    "hours": {"number": 7},
    **dict.fromkeys(("calendar_days", "weeks", "months", "years"), CALENDAR),
}
TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
# Python refuses to write more than 4,300 digits.
TOO_LONG = 10**5000
# Nothing takes these. The second hides inside what is otherwise right.
NOTHING_TAKES = (object(), {object()}, (object(),), {"name": object()})
WRONG: tuple[Any, ...] = (
    *NOTHING_TAKES,
    *(None, 3, -1, 0, 10**400, 2.5, float("nan"), float("inf"), True, 1j, Decimal("0.5")),
    *("text", "", "\ud800", b"text", [], ["kind"], [1], (), ("kind",), (1,), {}, {"name": 1}, {1: "name"}),
    *(date(2026, 1, 31), datetime(2026, 1, 31), timedelta(days=-1), timedelta.max),  # noqa: DTZ001
    *(SHOP, (SHOP, SHOP), SALES, SHOPS, OPENED, count(SALES, window=days(1)), MORNINGS, measure("count")),
    *(column("kind"), column("kind") == "a", nulls("a", at_most=0.1), Source, days),
    *(TOO_LONG, (TOO_LONG,), {"name": TOO_LONG}, Decimal("sNaN"), Fraction(10**400), np.float32(0.7), pd.NaT),
    *(datetime(1, 1, 1, tzinfo=TOKYO), datetime(9999, 12, 31, 23, tzinfo=NEW_YORK), np.timedelta64(3, "D")),
    *(pd.Timedelta("1ns"), pd.Timestamp(1, tz="UTC"), pd.Timestamp(1), pd.Timestamp("2026-01-31", tz="UTC")),
    *(np.float64("nan"), np.int8(3), np.array([1, 2]), np.datetime64("2026-01-31")),
)


def called(name: str, /, **changes: object) -> object:
    function = getattr(assembly_line, name)
    given = {**RIGHT[name], **changes}
    several = given.pop("columns") if name == "unique" else None
    if several is not None:
        return function(given.pop("source"), several, **given)
    return function(**given)


CASES = [(name, parameter) for name, parameters in RIGHT.items() for parameter in parameters]


def test_every_parameter_of_every_public_name_is_swept() -> None:
    known = {name: getattr(assembly_line, name) for name in offered("assembly_line") if name != "Feature"}

    assert {name: set(inspect.signature(value).parameters) for name, value in known.items()} == {
        name: set(parameters) for name, parameters in RIGHT.items()
    }


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_taken(name: str) -> None:
    called(name)


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_no_value_ends_a_declaration_otherwise_than_by_a_refusal(name: str, parameter: str) -> None:
    for wrong in WRONG:
        try:
            called(name, **{parameter: wrong})
        except DeclarationError as refused:
            assert str(refused)


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_a_value_that_nothing_takes_is_refused_by_name_with_an_example(name: str, parameter: str) -> None:
    for wrong in NOTHING_TAKES:
        with pytest.raises(DeclarationError, match=rf"^{name}\b.*: {parameter}.* is .*; expected .*(such as|one of) "):
            called(name, **{parameter: wrong})


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: called("Outcome", horizon=14), "Outcome ran_out: horizon is 14; expected a timedelta"),
        (lambda: called("Policy", expires_after=7), "Policy: expires_after is 7; expected a timedelta, such as days("),
        (lambda: called("Source", delay=0), "Source sales: delay is 0; expected a timedelta or None, such as days(14)"),
        (
            lambda: called("Decision", history_since="2026-01-01"),
            "Decision restocking: history_since is '2026-01-01'; expected a datetime with a zone or None",
        ),
        (
            lambda: called("Line", features={"sales": SALES}),
            "Line restock: features['sales'] is Source(...); expected a feature or a static feature, such as count(",
        ),
        (lambda: called("Source", entities=SHOP), "expected a tuple, such as (Entity("),
        (lambda: column("kind").isin(3), "isin: values is 3; expected a list, such as ["),  # type: ignore[arg-type]
        (lambda: column("kind").isin("ab"), "isin: values is 'ab'; expected a list, such as ["),
        (lambda: column("kind").isin([SALES]), "isin: values[0] is Source(...); expected text"),  # type: ignore[list-item]
        (lambda: column("kind") == SALES, "Comparison: value is Source(...); expected text"),
        (lambda: column("kind") == None, "nothing equals null; write column('kind').is_null()"),  # noqa: E711
        (lambda: days("3"), "days: number is '3'; expected a number, such as 0.2"),  # type: ignore[arg-type]
        (lambda: days(float("nan")), "days: number is nan; expected"),
        (
            lambda: called("Decision", history_since=datetime(1, 1, 1, tzinfo=TOKYO)),
            "Decision restocking: history_since is 0001-01-01 00:00:00+09:18:59, which is no instant of UTC; expected",
        ),
        (lambda: called("every", anchor=datetime(1, 1, 1, tzinfo=TOKYO)), "every: anchor is 0001-01-01 00:00:00"),
        (
            lambda: column("sold_at") > datetime(9999, 12, 31, 23, tzinfo=NEW_YORK),
            "Comparison: value is 9999-12-31 23:00:00-05:00, which is no instant of UTC",
        ),
        (
            lambda: column("sold_at").isin([datetime(1, 1, 1, tzinfo=TOKYO)]),
            "isin: values[0] is 0001-01-01 00:00:00+09:18:59, which is no instant of UTC",
        ),
        (lambda: called("Decision", history_since=pd.NaT), "Decision restocking: history_since is NaT"),
        (
            lambda: called("Policy", expires_after=pd.Timedelta("1ns")),
            "Policy: expires_after is 0 days 00:00:00.000000001; expected nothing finer than microseconds",
        ),
        (
            lambda: called("every", anchor=pd.Timestamp(1, tz="UTC")),
            "every: anchor is 1970-01-01 00:00:00.000000001+00:00; expected nothing finer than microseconds",
        ),
        (lambda: days(np.timedelta64(3, "D")), "days: number is np.timedelta64(3,'D'); expected a number"),  # type: ignore[arg-type]
        (lambda: called("Policy", version=np.timedelta64(3, "ns")), "Policy: version is np.timedelta64(3,'ns')"),
        (lambda: column("amount") == Decimal("sNaN"), "Comparison: value is Decimal('sNaN'); expected a number"),
        (lambda: days(TOO_LONG), "days: number is an int of 16610 bits; expected a number of at most 1.8e+308"),
        (lambda: called("Policy", values={"restock": TOO_LONG}), "values['restock'] is an int of 16610 bits"),
        (lambda: called("static", source=(TOO_LONG,)), "source is tuple(...); expected a source"),
        (lambda: called("Preprocessing", encoding="hot"), "encoding is 'hot'; expected one of 'ordinal', 'one_hot'"),
    ],
)
def test_a_refusal_says_what_was_expected(declare: Callable[[], object], message: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        declare()

    assert message in str(refused.value)


def test_numbers_of_other_libraries_become_plain_numbers() -> None:
    training = Training(
        framework_version="3.2-0",
        baseline="a",
        holdout=np.float32(0.25),  # type: ignore[arg-type]
        volume_gib=np.int64(20),  # type: ignore[arg-type]
        hyperparameters={"eta": np.float64(0.1), "max_depth": np.int8(3)},  # type: ignore[dict-item]
    )

    assert [type(one) for one in (training.holdout, training.volume_gib, *training.hyperparameters.values())] == [
        float,
        int,
        float,
        int,
    ]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble, Decimal, float])
@pytest.mark.parametrize("written", ["0.7", "0.1", "0.25", "0.003"])
def test_a_number_of_any_precision_is_the_one_that_was_written(kind: type, written: str) -> None:
    policy = called("Policy", capacity=kind(written))

    assert isinstance(policy, Policy)
    assert policy.capacity == float(written)


def test_times_of_other_libraries_become_plain_times() -> None:
    policy = called("Policy", expires_after=pd.Timedelta("36h"))
    decision = called("Decision", history_since=pd.Timestamp("2026-01-31 12:00:00.000001", tz="Asia/Tokyo"))

    assert isinstance(policy, Policy)
    assert isinstance(decision, Decision)
    assert (type(policy.expires_after), policy.expires_after) == (timedelta, timedelta(hours=36))
    assert (type(decision.history_since), decision.history_since) == (
        datetime,
        datetime(2026, 1, 31, 12, microsecond=1, tzinfo=TOKYO),
    )


def test_a_declaration_keeps_what_it_was_given_even_if_the_mapping_changes_later() -> None:
    keys = {"shop_id": "int64"}
    shop = Entity("shop", keys=keys)

    keys["region"] = "float64"

    assert shop.keys == {"shop_id": "int64"}


def test_a_list_may_stand_for_a_tuple() -> None:
    assert called("Source", entities=[SHOP]) == called("Source", entities=(SHOP,))
