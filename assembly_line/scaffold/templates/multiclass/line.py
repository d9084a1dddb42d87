"""Which team closes a support ticket: one of three, which the ticket's own row states once it is closed."""

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

TICKET = Entity("ticket", keys={"ticket_id": "int64"})
CUSTOMER = Entity("customer", keys={"customer_id": "int64"})

TICKETS = Source(
    name="example_tickets",
    entities=(TICKET, CUSTOMER),
    columns={
        "ticket_id": "int64",
        "customer_id": "int64",
        "opened_at": "timestamp",
        "closed_at": "timestamp",
        "team": "string",
    },
    event_time="opened_at",
    zone="UTC",
    delay=timedelta(0),
)
TEXTS = Source(
    name="example_texts",
    entities=(TICKET,),
    columns={"ticket_id": "int64", "words": "int64", "product": "string"},
    static=True,
)

LINE = Line(
    name="example",
    title="Which team closes a support ticket",
    owner="my-team",
    decision=Decision(
        name="opening",
        entities=(TICKET, CUSTOMER),
        spine=TICKETS,
        time="opened_at",
        # The tables begin 60 days earlier: every decision has its whole history.
        history_since=datetime(2020, 3, 1, tzinfo=UTC),
    ),
    features={
        "words": static(TEXTS, "words", by=TICKET),
        "product": static(TEXTS, "product", by=TICKET),
        "tickets_60d": count(TICKETS, window=days(60), by=CUSTOMER),
        "days_since_ticket": since_last(TICKETS, by=CUSTOMER),
    },
    outcome=Outcome(
        name="team", source=TICKETS, value="team", classes=("billing", "network", "sales"), known="closed_at"
    ),
    training=Training(
        framework="xgboost",
        framework_version="3.2-0",
        baseline="words",
        hyperparameters={"rounds": 100, "max_depth": 3, "learning_rate": 0.05},
    ),
    # The probability of the class that it cuts is the score.
    policy=Policy(version=1, act="page", otherwise="queue", capacity=0.2, cuts="network", expires_after=days(7)),
    delivery=Delivery(subscribers=("support_desk",)),
)
