"""Which mailed households redeem a coupon of the campaign: P(redeem | mailed), not whom to mail.

Public data: the Complete Journey, 2,469 households in 2017, simulated from real shopping for education.
"""

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
    aggregate,
    count,
    days,
    distinct,
    measure,
    ratio,
    since_last,
    static,
    total,
    weekly,
    wide,
)

NEW_YORK = "America/New_York"

HOUSEHOLD = Entity("household", keys={"household_id": "int64"})
CAMPAIGN = Entity("campaign", keys={"campaign_id": "int64"})

TRANSACTIONS = Source(
    name="transactions",
    description="One row for each product line of a basket; all lines of a basket carry one instant.",
    entities=(HOUSEHOLD,),
    columns={
        "household_id": "int64",
        "basket_id": "int64",
        "product_id": "int64",
        "quantity": "int64",
        "sales_value": "float64",
        "retail_disc": "float64",
        "coupon_disc": "float64",
        "transaction_timestamp": "timestamp",
    },
    event_time="transaction_timestamp",
    zone="UTC",
    delay=timedelta(0),
)
REDEMPTIONS = Source(
    name="coupon_redemptions",
    description="A household redeemed a coupon of a campaign. Dated by New York day: known when the day ends.",
    entities=(HOUSEHOLD, CAMPAIGN),
    columns={"household_id": "int64", "campaign_id": "int64", "coupon_upc": "int64", "redemption_date": "date"},
    event_time="redemption_date",
    zone=NEW_YORK,
    delay=timedelta(0),
)
CAMPAIGNS = Source(
    name="campaign_descriptions",
    description="Type and New York days of each campaign, planned before it starts.",
    entities=(CAMPAIGN,),
    columns={"campaign_id": "int64", "campaign_type": "string", "start_date": "date", "end_date": "date"},
    static=True,
    zone=NEW_YORK,
)
MAILINGS = Source(
    name="campaigns",
    description="Which household is mailed in which campaign.",
    entities=(HOUSEHOLD, CAMPAIGN),
    columns={"household_id": "int64", "campaign_id": "int64"},
    static=True,
)
DEMOGRAPHICS = Source(
    name="demographics",
    description="What a third of the households stated, without a date: a limitation that every manifest shows.",
    entities=(HOUSEHOLD,),
    columns={
        "household_id": "int64",
        "age": "string",
        "income": "string",
        "household_size": "string",
        "kids_count": "string",
    },
    static=True,
    personal=("age", "income", "household_size", "kids_count"),
)

LINE = Line(
    name="coupon_redemption",
    title="Which mailed households redeem a coupon of the campaign",
    owner="campaign-analytics",
    decision=Decision(
        name="mailing",
        entities=(HOUSEHOLD, CAMPAIGN),
        spine=MAILINGS,
        time=static(CAMPAIGNS, "start_date"),
        history_since=datetime(2017, 1, 1, tzinfo=UTC),
    ),
    features={
        "spend_30d": total(TRANSACTIONS, "sales_value", window=days(30)),
        "spend_90d": total(TRANSACTIONS, "sales_value", window=days(90)),
        "visits_30d": distinct(TRANSACTIONS, "basket_id", window=days(30)),
        "visits_90d": distinct(TRANSACTIONS, "basket_id", window=days(90)),
        "products_90d": distinct(TRANSACTIONS, "product_id", window=days(90)),
        "retail_discount_90d": total(TRANSACTIONS, "retail_disc", window=days(90)),
        "coupon_discount_90d": total(TRANSACTIONS, "coupon_disc", window=days(90)),
        "discount_share_90d": ratio("retail_discount_90d", "spend_90d"),
        "coupon_share_90d": ratio("coupon_discount_90d", "spend_90d"),
        "days_since_visit": since_last(TRANSACTIONS),
        "redemptions_90d": count(REDEMPTIONS, window=days(90), by=HOUSEHOLD),
        "redemptions_365d": count(REDEMPTIONS, window=days(365), by=HOUSEHOLD),
        "campaigns_redeemed_365d": distinct(REDEMPTIONS, "campaign_id", window=days(365), by=HOUSEHOLD),
        "days_since_redemption": since_last(REDEMPTIONS, by=HOUSEHOLD),
        "campaign_type": static(CAMPAIGNS, "campaign_type"),
        "age": static(DEMOGRAPHICS, "age"),
        "income": static(DEMOGRAPHICS, "income"),
        "household_size": static(DEMOGRAPHICS, "household_size"),
        "kids_count": static(DEMOGRAPHICS, "kids_count"),
    },
    outcome=Outcome(
        name="redeemed",
        source=REDEMPTIONS,
        by=(HOUSEHOLD, CAMPAIGN),
        until=static(CAMPAIGNS, "end_date"),
    ),
    training=Training(
        framework="xgboost",
        framework_version="3.2-0",
        baseline="redemptions_365d",
        # How they were chosen: README.md beside this file.
        hyperparameters={
            "rounds": 120,
            "max_depth": 3,
            "learning_rate": 0.03,
            "min_child_weight": 5.0,
            "subsample": 0.7,
            "colsample_bytree": 0.5,
            "seed": 7,
        },
    ),
    policy=Policy(
        version=1,
        act="remind",
        otherwise="leave",
        capacity=0.2,
        exploration=0.05,
        expires_after=days(28),
    ),
    delivery=Delivery(subscribers=("campaign_desk",)),
    groups={
        "spending": ("spend_30d", "spend_90d", "visits_30d", "visits_90d", "products_90d", "days_since_visit"),
        "coupons": ("coupon_share_90d", "redemptions_90d", "redemptions_365d", "days_since_redemption"),
        "household": ("age", "income", "household_size", "kids_count"),
    },
    tables=(
        aggregate(
            "spending_by_month",
            TRANSACTIONS,
            by=HOUSEHOLD,
            period="month",
            zone=NEW_YORK,
            measures={
                "baskets": measure("distinct", "basket_id"),
                "lines": measure("count"),
                "spend": measure("sum", "sales_value"),
                "retail_discount": measure("sum", "retail_disc"),
                "coupon_discount": measure("sum", "coupon_disc"),
            },
            refresh="daily at 05:00",
        ),
        aggregate(
            "redemptions_by_week",
            REDEMPTIONS,
            by=CAMPAIGN,
            period="week",
            measures={"redemptions": measure("count"), "households": measure("distinct", "household_id")},
            refresh="daily at 05:00",
        ),
        wide(
            "household_week",
            population=Generated(
                population=TRANSACTIONS,
                cadence=weekly(on="monday", at="00:00", zone=NEW_YORK),
                lookback=days(90),
            ),
            features=("spend_30d", "visits_30d", "days_since_visit", "coupon_share_90d", "redemptions_365d"),
            refresh="daily at 05:00",
        ),
    ),
)
