"""How much a customer spends in the next two weeks: an amount, of generated orders."""

from datetime import UTC, datetime, timedelta

from assembly_line import (
    Decision,
    Delivery,
    Entity,
    Generated,
    Line,
    Outcome,
    Policy,
    Source,
    Training,
    count,
    days,
    total,
    weekly,
)

CUSTOMER = Entity("customer", keys={"customer_id": "int64"})
ORDERS = Source(
    name="orders",
    entities=(CUSTOMER,),
    columns={"customer_id": "int64", "amount": "decimal(9,2)", "ordered_at": "timestamp"},
    event_time="ordered_at",
    zone="UTC",
    delay=timedelta(0),
)
LINE = Line(
    name="spending",
    title="How much a customer spends in the next two weeks",
    owner="tests",
    decision=Decision(
        name="monday",
        entities=(CUSTOMER,),
        spine=Generated(population=ORDERS, cadence=weekly(on="monday", at="00:00", zone="UTC"), lookback=days(56)),
        history_since=datetime(2026, 2, 1, tzinfo=UTC),
    ),
    features={
        "spent_28d": total(ORDERS, "amount", window=days(28)),
        "spent_56d": total(ORDERS, "amount", window=days(56)),
        "orders_28d": count(ORDERS, window=days(28)),
    },
    outcome=Outcome(name="spends", source=ORDERS, by=(CUSTOMER,), horizon=days(14), measure="sum", column="amount"),
    training=Training(
        framework_version="3.2-0", baseline="spent_28d", refit=False, minimum_rows=50, score_range=(-100, 5000)
    ),
    policy=Policy(version=1, act="call", otherwise="leave", threshold=100, expires_after=days(7)),
    delivery=Delivery(subscribers=("callers",)),
)
