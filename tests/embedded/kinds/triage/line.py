"""Which team closes a ticket: one of three classes, which the ticket's own row states once it is closed."""

from datetime import timedelta

from assembly_line import Decision, Delivery, Entity, Line, Outcome, Policy, Source, Training, days, static

TICKET = Entity("ticket", keys={"ticket_id": "int64"})
TICKETS = Source(
    name="tickets",
    entities=(TICKET,),
    columns={
        "ticket_id": "int64",
        "words": "int64",
        "product": "string",
        "opened": "timestamp",
        "closed": "timestamp",
        "team": "string",
    },
    event_time="opened",
    delay=timedelta(0),
    zone="UTC",
)
FACTS = Source(
    name="ticket_facts",
    entities=(TICKET,),
    columns={"ticket_id": "int64", "words": "int64", "product": "string"},
    static=True,
)
LINE = Line(
    name="triage",
    title="Which team closes a ticket",
    owner="tests",
    decision=Decision(name="opening", entities=(TICKET,), spine=TICKETS, time="opened"),
    features={"words": static(FACTS, "words"), "product": static(FACTS, "product")},
    outcome=Outcome(name="team", source=TICKETS, value="team", classes=("billing", "network", "other"), known="closed"),
    training=Training(framework_version="3.2-0", baseline="words", refit=False, minimum_rows=50),
    policy=Policy(version=1, act="route", otherwise="queue", capacity=0.5, cuts="network", expires_after=days(7)),
    delivery=Delivery(subscribers=("desk",)),
)
