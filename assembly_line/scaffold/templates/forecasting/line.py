"""How many of each product are sold on each of the next seven days."""

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
    daily,
    days,
    first,
    mean,
    static,
)

PRODUCT = Entity("product", keys={"product_id": "int64"})

PRODUCTS = Source(
    name="example_products",
    entities=(PRODUCT,),
    columns={"product_id": "int64", "category": "string", "price": "float64"},
    static=True,
)
SALES = Source(
    name="example_sales",
    entities=(PRODUCT,),
    columns={"product_id": "int64", "quantity": "int64", "sold_at": "timestamp"},
    event_time="sold_at",
    zone="UTC",
    delay=timedelta(0),
)

LINE = Line(
    name="example",
    title="How many of each product are sold on each of the next seven days",
    owner="my-team",
    decision=Decision(
        name="daily_look",
        entities=(PRODUCT,),
        spine=Generated(population=PRODUCTS, cadence=daily(at="00:00", zone="UTC")),
        # The tables begin 60 days earlier: every decision has its whole history.
        history_since=datetime(2020, 3, 1, tzinfo=UTC),
    ),
    features={
        # A day's sales are one row: the first one of the last seven days is that of seven days ago.
        **{f"sold_{ago}_days_ago": first(SALES, "quantity", window=days(ago)) for ago in range(1, 15)},
        "mean_28d": mean(SALES, "quantity", window=days(28)),
        "category": static(PRODUCTS, "category"),
        "price": static(PRODUCTS, "price"),
    },
    # Seven numbers: of the first day after the decision, of the second, and so on.
    outcome=Outcome(
        name="sold", source=SALES, by=(PRODUCT,), horizon=days(1), steps=7, measure="sum", column="quantity"
    ),
    training=Training(
        framework="xgboost",
        framework_version="3.2-0",
        baseline="sold_7_days_ago",
        # Weekdays repeat: the model is judged beside the number of seven steps ago.
        season=7,
        hyperparameters={"rounds": 200, "max_depth": 3, "learning_rate": 0.05},
    ),
    # The number of the first day is the score.
    policy=Policy(version=1, act="restock", otherwise="wait", capacity=0.25, cuts=1, expires_after=days(1)),
    delivery=Delivery(subscribers=("stock_desk",)),
)
