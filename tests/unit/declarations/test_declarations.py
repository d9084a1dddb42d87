"""A declaration that contradicts itself is refused when it is written, with place, value and expectation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from assembly_line import (
    Decision,
    Delivery,
    Entity,
    Line,
    Outcome,
    Policy,
    Source,
    Training,
    column,
    count,
    days,
    distinct,
    latest,
    mean,
    months,
    ratio,
    share,
    since_last,
    static,
    total,
    years,
)
from assembly_line.errors import DeclarationError

SHOP = Entity("shop", keys={"shop_id": "int64"})
REGION = Entity("region", keys={"region": "string"})
SALES = Source(
    name="sales",
    entities=(SHOP,),
    columns={"shop_id": "int64", "amount": "float64", "sold_at": "timestamp", "kind": "string"},
    event_time="sold_at",
    zone="UTC",
    delay=timedelta(0),
)
PLAN = Source(
    name="plan",
    entities=(SHOP, REGION),
    columns={"shop_id": "int64", "region": "string", "planned": "date"},
    static=True,
    zone="Europe/Berlin",
)
POLICY = Policy(version=1, act="restock", otherwise="wait", capacity=0.5, expires_after=days(7))


def line(**changes: object) -> Line:
    declared: dict[str, object] = {
        "name": "restock",
        "title": "Which shops run out",
        "owner": "supply",
        "decision": Decision(name="restocking", entities=(SHOP,), spine=PLAN, time=static(PLAN, "planned", by=SHOP)),
        "features": {"sales_7d": total(SALES, "amount", window=days(7)), "events_7d": count(SALES, window=days(7))},
        "outcome": Outcome(name="ran_out", source=SALES, by=(SHOP,), horizon=days(14)),
        "training": Training(framework_version="3.2-0", baseline="sales_7d"),
        "policy": POLICY,
        "delivery": Delivery(subscribers=("planner",)),
    }
    return Line(**{**declared, **changes})  # type: ignore[arg-type]


def test_accepts_a_sound_line_and_knows_its_sources_and_keys() -> None:
    sound = line()

    assert list(sound.sources) == ["plan", "sales"]
    assert sound.decision.keys == {"shop_id": "int64"}


def test_a_line_cannot_be_changed_after_it_was_checked() -> None:
    with pytest.raises(FrozenInstanceError):
        line().name = "other"  # type: ignore[misc]


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "line name": (lambda: line(name="Re-Stock"), "Line name 'Re-Stock': expected 2 to 24 lower-case"),
    "no features": (lambda: line(features={}), "features is empty"),
    "no such moment": (lambda: line(online_refresh="at noon"), "online_refresh: 'at noon': expected such as"),
    "baseline": (
        lambda: line(training=Training(framework_version="3.2-0", baseline="nothing")),
        "training.baseline 'nothing' is not a feature; there are sales_7d, events_7d",
    ),
    "feature named as a key": (
        lambda: line(features={"shop_id": count(SALES, window=days(1)), "sales_7d": count(SALES, window=days(7))}),
        "differ only in case or _ and -",
    ),
    "names equal for AWS": (
        lambda: line(features={"sales_7d": count(SALES, window=days(7)), "Sales-7D": count(SALES, window=days(7))}),
        "'sales_7d' and 'Sales-7D' differ only in case or _ and -",
    ),
    "ratio of what is not there": (
        lambda: line(features={"sales_7d": count(SALES, window=days(7)), "share": ratio("sales_7d", "gone")}),
        "ratio of 'gone', which is not a feature",
    ),
    "outcome of a foreign entity": (
        lambda: line(
            outcome=Outcome(
                name="y",
                source=replace(SALES, entities=(SHOP, REGION), columns={**SALES.columns, "region": "string"}),
                by=(SHOP, REGION),
                horizon=days(1),
            )
        ),
        "outcome is by region, which is not decided about",
    ),
    "two sources of one name": (
        lambda: line(features={"sales_7d": count(replace(SALES, delay=timedelta(hours=1)), window=days(7))}),
        "two different sources are named sales",
    ),
    "column named as the partition": (
        lambda: replace(SALES, columns={**SALES.columns, "Month": "string"}),
        "Source sales: column Month has the name of the partition of the tables in the lake; rename it",
    ),
    "unknown column": (
        lambda: total(SALES, "price", window=days(7)),
        "source sales has no column 'price'; it has amount",
    ),
    "mean of text": (lambda: mean(SALES, "kind", window=days(7)), "column kind is string; mean needs a number"),
    "window of nothing": (lambda: count(SALES, window=days(0)), "window 0:00:00 is not positive"),
    "events of a static source": (lambda: count(PLAN, window=days(1), by=SHOP), "static facts have no events"),
    "attribute of events": (lambda: static(SALES, "kind"), "the source has events; use latest"),
    "whose events": (lambda: since_last(PLAN), "Source plan carries shop, region: say by="),
    "another's events": (lambda: distinct(SALES, "kind", window=days(1), by=REGION), "carries shop, not region"),
    "a window of no zone": (lambda: count(SALES, window=months(3, zone="Mars/Base")), "is not an IANA time zone"),
    "a window of no months": (
        lambda: count(SALES, window=months(0, zone="UTC")),
        "expected a whole number of at least 1",
    ),
    "a window of half a year": (lambda: years(0.5, zone="UTC"), "expected a whole number"),  # type: ignore[arg-type]
    "a window that is a number": (lambda: count(SALES, window=30), "window is 30; expected a timedelta"),  # type: ignore[arg-type]
    "share of a sum of text": (
        lambda: share(SALES, column="kind", where=column("kind") == "a", window=days(1)),
        "column kind is string; a share of a sum needs a number",
    ),
    "share of all": (lambda: share(SALES, where=None, window=days(1)), "share: where is None; expected a predicate"),  # type: ignore[arg-type]
    "static facts that end": (lambda: replace(PLAN, valid_until="planned"), "static facts have no valid_until"),
    "an end that is no time": (lambda: replace(SALES, valid_until="kind"), "valid_until 'kind' is string, expected"),
    "an end that is the beginning": (lambda: replace(SALES, valid_until="sold_at"), "is another of its times"),
    "negative age": (lambda: latest(SALES, "kind", max_age=days(-1)), "is not positive"),
    "neither delay nor known time": (lambda: replace(SALES, delay=None), "say when a row is known"),
    "delay and known time": (lambda: replace(SALES, known_time="sold_at"), "exactly one of the two"),
    "negative delay": (lambda: replace(SALES, delay=timedelta(hours=-1)), "is negative"),
    "times without a zone": (lambda: replace(SALES, zone=None), "declare their zone"),
    "no such zone": (lambda: replace(SALES, zone="Mars/Base"), "'Mars/Base' is not an IANA time zone"),
    "neither events nor static": (
        lambda: replace(SALES, event_time=None, delay=None),
        "declare event_time, or static=True",
    ),
    "a key that is missing": (
        lambda: replace(SALES, columns={"sold_at": "timestamp"}),
        "key column shop_id of shop is None, expected 'int64'",
    ),
    "a type that is none": (lambda: replace(SALES, columns={**SALES.columns, "x": "int32"}), "unknown type 'int32'"),
    "event time of another type": (lambda: replace(SALES, event_time="amount"), "event_time 'amount' is float64"),
    "a float key": (lambda: Entity("shop", keys={"shop_id": "float64"}), "key shop_id is 'float64'"),
    "no keys": (lambda: Entity("shop", keys={}), "keys is empty"),
    "capacity and threshold": (lambda: replace(POLICY, threshold=0.5), "give capacity= or threshold=, exactly one"),
    "a cost of an unknown action": (
        lambda: replace(POLICY, costs={"sell": 1.0}),
        "costs names 'sell', expected one of",
    ),
    "a cost below zero": (lambda: replace(POLICY, costs={"restock": -1.0}), "costs: restock is -1.0; expected what it"),
    "a currency in words": (
        lambda: replace(POLICY, values={"restock": 1.0}, currency="dollars"),
        "currency 'dollars': expected three capital letters, such as USD",
    ),
    "a currency of nothing": (lambda: replace(POLICY, currency="USD"), "neither values nor costs are declared"),
    "capacity above one": (lambda: replace(POLICY, capacity=1.5), "capacity 1.5 is outside (0, 1]"),
    "one action for all": (lambda: replace(POLICY, otherwise="Restock"), "differ only in case"),
    "all exploration": (lambda: replace(POLICY, exploration=1.0), "exploration 1.0 is outside [0, 1)"),
    "horizon and until": (
        lambda: Outcome(name="y", source=SALES, by=(SHOP,), horizon=days(1), until=static(PLAN, "planned", by=SHOP)),
        "give horizon= or until=, exactly one",
    ),
    "until that is no time": (
        lambda: Outcome(name="y", source=SALES, by=(SHOP,), until=static(PLAN, "region", by=SHOP)),
        "until region is string, expected date or timestamp",
    ),
    "a naive instant": (
        lambda: replace(line().decision, history_since=datetime(2017, 1, 1)),  # noqa: DTZ001
        "history_since 2017-01-01 00:00:00 has no zone",
    ),
    "a script elsewhere": (
        lambda: Training(framework_version="3.2-0", baseline="x", script="../train.py"),
        "'../train.py' is not a file name",
    ),
}


@pytest.mark.parametrize(("declare", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_what_contradicts_itself(declare: Callable[[], object], message: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        declare()

    assert message in str(refused.value)


@pytest.mark.parametrize("version", ["1", "two", True, 1.0, 0, -1, 2**53, None], ids=repr)
def test_the_version_of_a_policy_is_a_whole_number(version: object) -> None:
    with pytest.raises(DeclarationError, match=r"Policy: version is .*; expected a whole number") as refused:
        replace(POLICY, version=version)  # type: ignore[arg-type]

    assert repr(version) in str(refused.value)


def test_the_version_of_a_policy_becomes_a_plain_number() -> None:
    assert type(replace(POLICY, version=np.int64(3)).version) is int  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["0.2", True, float("nan"), float("inf"), 0.2j], ids=repr)
@pytest.mark.parametrize("name", ["capacity", "threshold", "exploration", "values"])
def test_a_policy_refuses_by_name_what_is_no_finite_number(name: str, number: object) -> None:
    changes: dict[str, object] = {name: {"restock": number} if name == "values" else number}
    if name == "threshold":
        changes["capacity"] = None

    with pytest.raises(DeclarationError, match=f"Policy.*: {name}.* is .*; expected a (finite )?number") as refused:
        replace(POLICY, **changes)  # type: ignore[arg-type]

    assert repr(number) in str(refused.value)


def test_files_are_delivered_in_forms_that_there_are() -> None:
    assert Delivery(subscribers=(), files=("csv", "jsonl")).files == ("csv", "jsonl")
    with pytest.raises(DeclarationError, match=r"Delivery: files 'xlsx': expected 'jsonl' or 'csv'"):
        Delivery(subscribers=(), files=("xlsx",))
    with pytest.raises(DeclarationError, match="Delivery: files"):
        Delivery(subscribers=(), files=("csv", "csv"))
