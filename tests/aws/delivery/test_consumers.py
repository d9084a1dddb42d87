"""Consumers of a line: a probe proves one, filters keep the rest out, and one that was added can be taken away."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from assembly_line.declarations.codec import subscriber_to_json
from assembly_line.declarations.delivery.subscribers import Subscriber
from assembly_line.delivery import ConsumerPlace, check_new_consumer, consumers, probe, remove_consumer
from assembly_line.delivery.channels import SNS
from assembly_line.errors import DeclarationError, RequestRefused, RunFailed
from assembly_line.messages import Prediction
from assembly_line.storage import Account
from lambdas.scoring import handler
from tests.aws.delivery.scoring_run import ACCOUNT, LINE, Scoring, answers, households

NOW = datetime(2026, 12, 1, tzinfo=UTC)
CRM = Subscriber(name="crm", where={"action": ("remind",)})


@pytest.fixture
def account(scoring: Scoring) -> Account:
    return handler.account()


def place(scoring: Scoring, consumer: Subscriber, *, added: bool = True) -> ConsumerPlace:
    dead = scoring.sqs.create_queue(QueueName=f"{consumer.name}-dead")["QueueUrl"]
    told = json.dumps(subscriber_to_json(consumer)) if added else None
    return ConsumerPlace(name=consumer.name, queue_url=scoring.subscribed(consumer), dead_letters_url=dead, added=told)


def proved(account: Account, where: ConsumerPlace, **changes: Any) -> dict[str, Any]:
    told = {"account_id": ACCOUNT, "by": "me", "now": lambda: NOW, "patience_seconds": 5.0, **changes}
    return probe(account, LINE, where, **told)


def test_a_probe_reaches_its_consumer_alone_and_makes_it_live(scoring: Scoring, account: Account) -> None:
    crm, desk = place(scoring, CRM), place(scoring, Subscriber(name="call_desk"))
    places = {one.name: one for one in (crm, desk)}
    assert [one.live_since for one in consumers(account, LINE, places, account_id=ACCOUNT)] == [None, None]

    told = proved(account, crm)

    assert (told["live"], told["live_since"]) == (True, "2026-12-01T00:00:00.000000Z")
    assert scoring.received(crm.queue_url) == []
    assert scoring.received(desk.queue_url) == []
    assert scoring.received() == []
    found = {one.declared.name: one for one in consumers(account, LINE, places, account_id=ACCOUNT)}
    assert (found["crm"].live_since, found["call_desk"].live_since) == ("2026-12-01T00:00:00.000000Z", None)
    assert found["crm"].declared == CRM
    assert found["crm"].filter_policy == CRM.filter_policy()


def test_a_consumer_whose_probe_is_lost_is_not_live(scoring: Scoring, account: Account) -> None:
    crm = place(scoring, CRM)
    proved(account, crm)
    (subscription,) = [
        one["SubscriptionArn"] for one in scoring.sns.list_subscriptions()["Subscriptions"] if "crm" in one["Endpoint"]
    ]
    scoring.sns.unsubscribe(SubscriptionArn=subscription)
    seconds = itertools.count(step=3)

    with pytest.raises(RunFailed, match="consumer crm of line coupon_redemption is not live: its probe did not arrive"):
        proved(account, crm, clock=lambda: next(seconds))

    (found,) = consumers(account, LINE, {"crm": crm}, account_id=ACCOUNT)
    assert (found.live_since, found.filter_policy) == (None, None)


def test_a_probe_leaves_the_messages_of_the_queue_where_they_are(scoring: Scoring, account: Account) -> None:
    desk = place(scoring, Subscriber(name="call_desk"))
    rows = households(12)
    scoring.score(rows, answers(rows))

    proved(account, desk)

    assert {one["body"]["decision_id"] for one in scoring.received(desk.queue_url)} == {one.decision_id for one in rows}


def test_a_queue_in_which_much_waits_is_not_searched(scoring: Scoring, account: Account) -> None:
    desk = place(scoring, Subscriber(name="call_desk"))
    rows = households(101)
    scoring.score(rows, answers(rows))

    with pytest.raises(RequestRefused, match="about 101 messages wait in its queue: expected at most 100"):
        proved(account, desk)


def test_a_consumer_gets_what_it_asked_for_and_no_more(scoring: Scoring) -> None:
    asked = {
        "crm": CRM,
        "high": Subscriber(name="high", score=(0.02, 0.03)),
        "other": Subscriber(name="other", where={"model": ("run-of-another-day",)}),
        "warehouse": Subscriber(name="warehouse", receives="batches"),
    }
    queues = {name: scoring.subscribed(one) for name, one in asked.items()}
    rows = households(40)

    scoring.score(rows, answers(rows))

    everything = [one["body"] for one in scoring.received()]
    assert len(everything) == 40
    ids = {name: {one["body"]["decision_id"] for one in scoring.received(queue)} for name, queue in queues.items()}
    assert ids["crm"] == {one["decision_id"] for one in everything if one["action"] == "remind"} != set()
    assert ids["high"] == {one["decision_id"] for one in everything if 0.02 <= one["score"] <= 0.03}
    assert len(ids["high"]) == 11
    assert ids["other"] == ids["warehouse"] == set()
    # What SNS let through is what the declaration says of the same attributes.
    attributes = {one["decision_id"]: SNS.attributes(Prediction.model_validate(one)) for one in everything}
    for name, one in asked.items():
        assert ids[name] == {identifier for identifier, said in attributes.items() if one.takes(said)}


def test_what_lacks_the_attributes_of_a_filter_reaches_everybody(scoring: Scoring, account: Account) -> None:
    """Such as the tombstone of a decision that was erased."""
    narrow = Subscriber(name="narrow", where={"action": ("remind",), "model": ("another",)}, score=(0.9, None))
    queues = [scoring.subscribed(one) for one in (narrow, Subscriber(name="warehouse", receives="batches"))]
    attributes = {"schema": "assembly-line/erasure", "version": "1", "line": LINE}

    account.topic(LINE, account_id=ACCOUNT).announce('{"schema":"assembly-line/erasure"}', attributes)

    for queue in ("", *queues):
        assert [one["body"]["schema"] for one in scoring.received(queue)] == ["assembly-line/erasure"]


def test_a_new_consumer_fits_the_line_and_takes_no_name_of_another(scoring: Scoring, account: Account) -> None:
    places = {one.name: one for one in (place(scoring, CRM), place(scoring, Subscriber(name="call_desk"), added=False))}
    check_new_consumer(account, LINE, CRM, places)
    check_new_consumer(account, LINE, Subscriber(name="mail_desk"), places)

    with pytest.raises(RequestRefused, match=r"'call_desk': .*it is declared in line.py; change it there"):
        check_new_consumer(account, LINE, Subscriber(name="call_desk"), places)
    with pytest.raises(RequestRefused, match=r"'CRM': .*there is crm"):
        check_new_consumer(account, LINE, Subscriber(name="CRM"), places)
    with pytest.raises(DeclarationError, match=r"where\['action'\]: 'call' is none of 'remind', 'leave'"):
        check_new_consumer(account, LINE, Subscriber(name="x", where={"action": ("call",)}), places)
    with pytest.raises(DeclarationError, match="receives is 'batches', but the line delivers no files"):
        check_new_consumer(account, LINE, Subscriber(name="x", receives="batches"), places)


def test_a_declared_consumer_goes_with_its_declaration_alone(scoring: Scoring, account: Account) -> None:
    desk = place(scoring, Subscriber(name="call_desk"), added=False)
    with pytest.raises(RequestRefused, match=r"it is declared in line.py: .*take it out of line.py"):
        remove_consumer(account, LINE, desk, by="me", now=NOW)
