"""When each customer orders again, within four weeks."""

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
    daily,
    days,
    since_last,
    static,
    total,
)

CUSTOMER = Entity("customer", keys={"customer_id": "int64"})

CUSTOMERS = Source(
    name="example_customers",
    entities=(CUSTOMER,),
    columns={"customer_id": "int64", "plan": "string", "region": "string"},
    static=True,
)
VISITS = Source(
    name="example_visits",
    entities=(CUSTOMER,),
    columns={"customer_id": "int64", "visited_at": "timestamp"},
    event_time="visited_at",
    zone="UTC",
    delay=timedelta(0),
)
ORDERS = Source(
    name="example_orders",
    entities=(CUSTOMER,),
    columns={"customer_id": "int64", "order_id": "int64", "amount": "float64", "ordered_at": "timestamp"},
    event_time="ordered_at",
    zone="UTC",
    delay=timedelta(0),
)

LINE = Line(
    name="example",
    title="When each customer orders again",
    owner="my-team",
    decision=Decision(
        name="daily_look",
        entities=(CUSTOMER,),
        spine=Generated(population=VISITS, cadence=daily(at="00:00", zone="UTC"), lookback=days(60)),
        # The tables begin 60 days earlier: every decision has its whole history.
        history_since=datetime(2020, 3, 1, tzinfo=UTC),
    ),
    features={
        "orders_14d": count(ORDERS, window=days(14)),
        "orders_60d": count(ORDERS, window=days(60)),
        "spend_60d": total(ORDERS, "amount", window=days(60)),
        "days_since_order": since_last(ORDERS),
        "visits_14d": count(VISITS, window=days(14)),
        "visits_60d": count(VISITS, window=days(60)),
        "days_since_visit": since_last(VISITS),
        "plan": static(CUSTOMERS, "plan"),
        "region": static(CUSTOMERS, "region"),
    },
    outcome=Outcome(name="orders", source=ORDERS, by=(CUSTOMER,), horizon=days(28), measure="time_to_event"),
    training=Training(
        framework="xgboost",
        framework_version="3.2-0",
        baseline="orders_60d",
        # More than a horizon, so that held-out decisions are observed to its end.
        holdout=0.4,
        hyperparameters={"rounds": 100, "max_depth": 3, "learning_rate": 0.05},
    ),
    policy=Policy(version=1, act="remind", otherwise="leave", capacity=0.2, exploration=0.05, expires_after=days(7)),
    delivery=Delivery(subscribers=("shop_desk",)),
)
