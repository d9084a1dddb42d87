"""Feedback of an authenticated caller, into the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.feedback.submissions import read_submission
from assembly_line.storage import QueueMessage

if TYPE_CHECKING:
    from assembly_line.storage import Account


def submitted(account: Account, document: object, *, principal: str) -> tuple[list[str], list[str]]:
    """Send the events of a submission in the name of a principal.

    Returns:
        Ids of the events that the queue took, and of those that it did not.

    Raises:
        RequestRefused: the document or one of its events is refused; nothing was sent.
    """
    events = read_submission(document, account.released.last)
    sent = account.feedback_queue.send([QueueMessage(event.to_json(), {"principal": principal}) for event in events])
    fates = [(event.event_id, result.message_id is not None) for event, result in zip(events, sent, strict=True)]
    return [one for one, taken in fates if taken], [one for one, taken in fates if not taken]
