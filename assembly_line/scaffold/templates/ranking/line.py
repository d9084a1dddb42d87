"""Which products come first in a customer's daily mail: those that the customer buys within two days."""

from datetime import UTC, datetime, timedelta

from assembly_line import (
    Decision,
    Delivery,
    Entity,
    Line,
    Outcome,
    Policy,
    Source,
    Training,
    count,
    days,
    since_last,
    static,
)

CUSTOMER = Entity("customer", keys={"customer_id": "int64"})
PRODUCT = Entity("product", keys={"product_id": "int64"})

MAILS = Source(
    name="example_mails",
    entities=(CUSTOMER, PRODUCT),
    columns={"customer_id": "int64", "product_id": "int64", "mailed_at": "timestamp"},
    event_time="mailed_at",
    zone="UTC",
    delay=timedelta(0),
)
PURCHASES = Source(
    name="example_purchases",
    entities=(CUSTOMER, PRODUCT),
    columns={"customer_id": "int64", "product_id": "int64", "bought_at": "timestamp"},
    event_time="bought_at",
    zone="UTC",
    delay=timedelta(0),
)
PRODUCTS = Source(
    name="example_products",
    entities=(PRODUCT,),
    columns={"product_id": "int64", "category": "string", "price": "float64"},
    static=True,
)

LINE = Line(
    name="example",
    title="Which products come first in a customer's daily mail",
    owner="my-team",
    decision=Decision(
        name="mailing",
        entities=(CUSTOMER, PRODUCT),
        spine=MAILS,
        time="mailed_at",
        # The tables begin 60 days earlier: every decision has its whole history.
        history_since=datetime(2020, 3, 1, tzinfo=UTC),
    ),
    features={
        "product_bought_60d": count(PURCHASES, window=days(60), by=PRODUCT),
        "product_bought_7d": count(PURCHASES, window=days(7), by=PRODUCT),
        "bought_before_60d": count(PURCHASES, window=days(60), by=(CUSTOMER, PRODUCT)),
        "mailed_before_60d": count(MAILS, window=days(60), by=(CUSTOMER, PRODUCT)),
        "days_since_purchase": since_last(PURCHASES, by=CUSTOMER),
        "category": static(PRODUCTS, "category", by=PRODUCT),
        "price": static(PRODUCTS, "price", by=PRODUCT),
    },
    outcome=Outcome(name="buys", source=PURCHASES, by=(CUSTOMER, PRODUCT), horizon=days(2)),
    training=Training(
        framework="xgboost",
        framework_version="3.2-0",
        baseline="product_bought_60d",
        # The products of one mail are ranked against each other.
        ranked_within=("customer_id",),
        hyperparameters={"rounds": 100, "max_depth": 3, "learning_rate": 0.05},
    ),
    policy=Policy(version=1, act="show", otherwise="leave", capacity=0.25, expires_after=days(1)),
    delivery=Delivery(subscribers=("mail_desk",)),
)
