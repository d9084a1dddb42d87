"""Who receives the predictions of a line, and through what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from assembly_line.declarations.checks import LEFT_OUT_AT_DEFAULT, check_distinct, check_name, refuse
from assembly_line.declarations.delivery.due import Due
from assembly_line.declarations.delivery.subscribers import Subscriber
from assembly_line.declarations.typed import typed

# Forms of delivered files.
FILE_FORMS = ("jsonl", "csv")
# What becomes of a decision that is asked for when features are old.
STALE = ("refuse", "flag")
# A message has at most ten attributes, of which the line sets seven itself.
MOST_SEGMENTS = 3
ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class DecideNow:
    """Applications may ask for one decision at a time, by `POST /lines/{line}/decisions`. See docs/api.md.

    Args:
        oldest: how far the published features may lie behind the decision. They know the world up to the newest event
            of the source that lags most.
        stale: what the line does with older features. `"refuse"` decides nothing. `"flag"` decides, and says so in the
            answer and in the ledger.
    """

    oldest: timedelta
    stale: Literal["refuse", "flag"] = "refuse"

    def __post_init__(self) -> None:
        refuse(
            self.oldest <= timedelta(0),
            f"DecideNow: oldest {self.oldest} is not positive; expected a duration such as hours(24)",
            where="DecideNow: oldest",
            value=str(self.oldest),
            expected="a duration above zero, such as hours(24)",
        )
        refuse(
            self.stale not in STALE,
            f"DecideNow: stale {self.stale!r}: expected {' or '.join(map(repr, STALE))}",
            where="DecideNow: stale",
            value=repr(self.stale),
            expected=" or ".join(map(repr, STALE)),
        )


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Who receives the predictions.

    Args:
        subscribers: a tuple of names, or of `Subscriber(...)` with filter, freshness and owner. Each gets an SQS queue
            of its own, subscribed to the topic of the line.
        files: a tuple of forms in which each batch is also written to S3, in a folder for each day. `"jsonl"` has the
            messages, one on a line, for programs. `"csv"` is a table for people. Without one, no files are written.
        due: `Due(...)`: when the line scores by itself. None means only by hand.
        decide_now: `DecideNow(...)`: applications may ask for one decision at a time. None means that nobody may.
        segments: a tuple of at most three key columns. Consumers filter by their values.
        accounts: a tuple of other AWS accounts, twelve digits each. Their queues may subscribe to the line's topic, and
            their roles may read what its messages point to.
    """

    subscribers: tuple[str | Subscriber, ...]
    files: tuple[str, ...] = field(default=(), metadata=LEFT_OUT_AT_DEFAULT)
    due: Due | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    decide_now: DecideNow | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)
    segments: tuple[str, ...] = field(default=(), metadata=LEFT_OUT_AT_DEFAULT)
    accounts: tuple[str, ...] = field(default=(), metadata=LEFT_OUT_AT_DEFAULT)

    def __post_init__(self) -> None:
        check_distinct("Delivery: files", self.files)
        for form in self.files:
            refuse(
                form not in FILE_FORMS,
                f"Delivery: files {form!r}: expected {' or '.join(map(repr, FILE_FORMS))}",
                where="Delivery: files",
                value=repr(form),
                expected=" or ".join(map(repr, FILE_FORMS)),
            )
        for subscriber in self.subscribers:
            if isinstance(subscriber, str):
                check_name("Delivery: subscriber", subscriber)
        names = [one if isinstance(one, str) else one.name for one in self.subscribers]
        check_distinct("Delivery: subscriber", names)
        check_distinct("Delivery: segments", self.segments)
        self._expect(len(self.segments) <= MOST_SEGMENTS, "segments", f"at most {MOST_SEGMENTS} columns")
        check_distinct("Delivery: accounts", self.accounts)
        whole = all(ACCOUNT.fullmatch(account) for account in self.accounts)
        self._expect(whole, "accounts", "AWS accounts of twelve digits, in quotes")

    def _expect(self, condition: bool, name: str, expected: str) -> None:
        where, value = f"Delivery: {name}", repr(getattr(self, name))
        refuse(not condition, f"{where} {value}: expected {expected}", where=where, value=value, expected=expected)

    @property
    def consumers(self) -> dict[str, Subscriber]:
        """Every subscriber by its name; a plain name is one that gets every prediction and promises nothing."""
        found = [Subscriber(name=one) if isinstance(one, str) else one for one in self.subscribers]
        return {one.name: one for one in found}
