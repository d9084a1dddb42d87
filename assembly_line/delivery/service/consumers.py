"""The consumers of a line: which there are, whether each is live, and the probe that proves it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.codec import subscriber_from_json
from assembly_line.declarations.delivery.subscribers import PROBE, Subscriber
from assembly_line.documents import parse_document
from assembly_line.errors import MalformedMessage, NotFound, RequestRefused, RunFailed
from assembly_line.instants import format_instant, parse_instant
from assembly_line.messages import PROBE_SCHEMA, Probe, parse_json
from assembly_line.names import aws_name, consumer_item, consumer_stack

if TYPE_CHECKING:
    from assembly_line.storage import Account, Queue, Received

# How long a probe may take, and after which time it is sent again: a new subscription may not act at once.
PATIENCE_SECONDS = 60
AGAIN_SECONDS = 15
LOOK_SECONDS = 5
# A look counts as one of the few times that a message may be received before it is a dead letter.
MOST_WAITING = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerPlace:
    """Where a consumer of a line reads.

    Args:
        queue_url, dead_letters_url: its queues, as they are reached from here.
        added: what it is, as JSON, if it was added beside the declaration.
    """

    name: str
    queue_url: str
    dead_letters_url: str
    added: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A consumer as it is found.

    Args:
        declared: what it is.
        added: whether it was added beside the declaration of its line.
        live_since: when its first probe arrived; None while none has.
        probed_at: when the last one was sent.
        filter_policy: which messages its subscription lets through; None where there is no subscription.
        waiting, dead: messages in its queue, and in that of its dead letters.
    """

    declared: Subscriber
    added: bool
    live_since: str | None
    probed_at: str | None
    filter_policy: Mapping[str, Any] | None
    waiting: int
    dead: int

    def described(self) -> dict[str, Any]:
        one = self.declared
        return {
            "consumer": one.name,
            "live": self.live_since is not None,
            "live_since": self.live_since,
            "probed_at": self.probed_at,
            "added": self.added,
            "actor": one.actor,
            "level": one.level,
            "freshness_seconds": None if one.freshness is None else one.freshness.total_seconds(),
            "owner": one.owner,
            "filter": None if self.filter_policy is None else dict(self.filter_policy),
            "waiting": self.waiting,
            "dead_letters": self.dead,
        }


def check_new_consumer(account: Account, line: str, consumer: Subscriber, places: Mapping[str, ConsumerPlace]) -> None:
    """Refuse a consumer that the line has already, or that filters by what no message of it has.

    One that was added before may be added again, with another filter or promise.

    Raises:
        RequestRefused: its name is taken by a declared one, or AWS could not tell it from another one.
        DeclarationError: it filters by what the line does not say.
        NotFound: the line has no release here.
    """
    account.released.current(line).check_consumer(consumer)
    for name, place in places.items():
        if name == consumer.name and place.added is not None:
            continue
        if aws_name(name) == aws_name(consumer.name):
            raise RequestRefused.about(
                f"Consumer of line {line}",
                repr(consumer.name),
                "a name that no consumer of the line has",
                "it is declared in line.py; change it there" if place.added is None else f"there is {name}",
            )


def consumers(account: Account, line: str, places: Mapping[str, ConsumerPlace], *, account_id: str) -> list[Consumer]:
    """Every consumer of the line, in order of name.

    Args:
        account_id: whose topic it is.

    Raises:
        NotFound: the line is not deployed here.
    """
    declared = account.released.current(line).delivery.consumers
    filters = account.topic(line, account_id=account_id).filters()
    found = []
    for name, place in sorted(places.items()):
        told = account.control.read(line, consumer_item(name)) or {}
        found.append(
            Consumer(
                declared=declared_consumer(place, declared),
                added=place.added is not None,
                live_since=told.get("live_since"),
                probed_at=told.get("at"),
                filter_policy=filters.get(place.queue_url.rpartition("/")[2]),
                waiting=account.queue(place.queue_url).waiting(),
                dead=account.queue(place.dead_letters_url).waiting(),
            )
        )
    return found


def probe(
    account: Account,
    line: str,
    place: ConsumerPlace,
    *,
    account_id: str,
    by: str,
    now: Callable[[], datetime],
    patience_seconds: float = PATIENCE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Send a message to one consumer through the line's topic, and wait until it lies in its queue.

    It counts as live from the first probe that arrived. Whatever else is found in the queue stays there.

    Args:
        by: who asks for it.

    Raises:
        RunFailed: it did not arrive; the consumer is not live then.
        RequestRefused: so much waits in the queue that a look at it would do harm.
        NotFound: the line is not deployed here.
    """
    queue = account.queue(place.queue_url)
    if (waiting := queue.waiting()) > MOST_WAITING:
        raise RequestRefused.about(
            f"Consumer {place.name} of line {line}",
            f"about {waiting} messages wait in its queue",
            f"at most {MOST_WAITING} for a probe",
            "let the application read them first",
        )
    sent_at = format_instant(now())
    known = account.control.read(line, consumer_item(place.name)) or {}
    arrived = _Probing(account, line, place, account_id, sent_at).arrives(queue, clock, patience_seconds)
    since = (known.get("live_since") or format_instant(now())) if arrived else None
    told = {"live_since": since, "at": sent_at, "by": by}
    account.control.write(line, consumer_item(place.name), told)
    if not arrived:
        raise RunFailed(
            f"consumer {place.name} of line {line} is not live: its probe did not arrive within {patience_seconds:.0f} "
            "s; if an application reads the queue, it may have taken the probe: stop it for a moment; else look at the "
            f"subscription and its filter with `line consumers list {line}`, then `line consumers probe {line} "
            f"{place.name}`"
        )
    return {"line": line, "consumer": place.name, "live": True, "live_since": since, "probed_at": sent_at}


def remove_consumer(account: Account, line: str, place: ConsumerPlace, *, by: str, now: datetime) -> dict[str, Any]:
    """Delete the stack of a consumer that was added; its queue goes with all that nobody read.

    Raises:
        RequestRefused: it is declared, so its line has it.
        NotFound: its stack is not here.
        RunFailed: the stack would not go.
    """
    if place.added is None:
        raise RequestRefused.about(
            f"Consumer {place.name} of line {line}",
            "it is declared in line.py",
            "a consumer that `line consumers add` added",
            "take it out of line.py, then `line deploy`",
        )
    own = consumer_stack(line, place.name)
    stack = next((one for one in account.stacks.of_environment() if one.own == own), None)
    if stack is None:
        raise NotFound(f"consumer {place.name} of line {line}: its stack {own} is not here")
    unread = {"queue": place.queue_url, "dead letters": place.dead_letters_url}
    found = {name: account.queue(url).waiting() for name, url in unread.items()}
    account.stacks.delete(stack)
    account.control.write(
        line, consumer_item(place.name), {"live_since": None, "by": by, "removed_at": format_instant(now)}
    )
    return {"line": line, "consumer": place.name, "stack": stack.name, "unread": found}


class _Probing:
    """One probe on its way."""

    def __init__(self, account: Account, line: str, place: ConsumerPlace, account_id: str, sent_at: str) -> None:
        self._topic = account.topic(line, account_id=account_id)
        self._probe = Probe(
            line=line,
            consumer=place.name,
            probe_id=secrets.token_hex(8),
            sent_at=parse_instant(sent_at, field="sent_at"),
        )

    def arrives(self, queue: Queue, clock: Callable[[], float], patience_seconds: float) -> bool:
        """Send it until it is there. Other messages are hidden meanwhile, so that each is received once."""
        others: list[Received] = []
        begun = sent = clock()
        self._send()
        try:
            while clock() - begun < patience_seconds and len(others) <= MOST_WAITING:
                if clock() - sent > AGAIN_SECONDS:
                    sent = clock()
                    self._send()
                for message in queue.receive(wait_seconds=LOOK_SECONDS, hidden_seconds=int(patience_seconds) + 30):
                    found = _probe_of(message.body)
                    if found is None:
                        others.append(message)
                        continue
                    queue.delete(message)
                    if found == self._probe.probe_id:
                        return True
            return False
        finally:
            for message in others:
                queue.give_back(message)

    def _send(self) -> None:
        told = self._probe
        attributes = {"schema": told.schema_, "version": str(told.version), "line": told.line, PROBE: told.consumer}
        self._topic.announce(told.to_json(), attributes)


def _probe_of(body: str) -> str | None:
    """The id of the probe that a message is; None if it is something else."""
    try:
        found = parse_json(body)
        return Probe.from_values(found).probe_id if _is_probe(found) else None
    except MalformedMessage:
        return None


def _is_probe(document: object) -> bool:
    return isinstance(document, Mapping) and document.get("schema") == PROBE_SCHEMA


def declared_consumer(place: ConsumerPlace, declared: Mapping[str, Subscriber]) -> Subscriber:
    """What a consumer is: as it was added, or as its line declares it."""
    if place.added is not None:
        return subscriber_from_json(parse_document(place.added, of=f"consumer {place.name}"))
    return declared.get(place.name) or Subscriber(name=place.name)
