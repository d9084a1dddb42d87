"""Every error this project raises on purpose. Catch AssemblyError to catch them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self


class AssemblyError(Exception):
    """Base class. The message says where, which value, what was expected, and what to do.

    Args:
        where, value, expected: these parts of the message, for programs; None where it is not about one value.
    """

    def __init__(
        self, text: str = "", *, where: str | None = None, value: str | None = None, expected: str | None = None
    ) -> None:
        super().__init__(text)
        self.where, self.value, self.expected = where, value, expected

    @classmethod
    def about(cls, where: str, value: str, expected: str, advice: str = "") -> Self:
        """The error about one value, whose message is made of its parts."""
        text = f"{where}: {value}: expected {expected}" + (f"; {advice}" if advice else "")
        error = cls(text)
        error.where, error.value, error.expected = where, value, expected
        return error


def in_words(error: OSError | ValueError) -> str:
    """Why a file cannot be read, without the numbers of the system."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text"
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)


class DeclarationError(AssemblyError):
    """A line's declaration contradicts itself. Raised on creation, before anything is synthesized."""


class SettingMissing(AssemblyError):
    """The process started without an environment variable that its contract requires."""

    def __init__(self, contract: str, variables: list[str]) -> None:
        super().__init__(f"{contract}: not set: {', '.join(variables)}; the stack that owns this function sets them")
        self.variables = variables


class RequestRefused(AssemblyError):
    """A request names something unknown or is malformed. Nothing was started; the same request cannot succeed."""


class NotFound(AssemblyError):
    """What was asked for does not exist (yet). The message says which command makes it."""


class SourceUnreadable(AssemblyError):
    """A source file is missing, empty, not Parquet, or lacks a declared column."""


class QualityGateFailed(AssemblyError):
    """A dataset broke a quality rule; it is kept aside and nothing downstream sees it."""


class DatasetAltered(AssemblyError):
    """A dataset's stored rows are not those of its manifest. Nothing is learnt or scored from them."""


class DocumentUnreadable(AssemblyError):
    """A stored document is damaged, or was written by a version that is newer in a way that matters."""


class MalformedMessage(AssemblyError):
    """A message does not match its schema. Retrying cannot help: it goes to the dead-letter queue.

    Args:
        fields: those of the schema's fields that are wrong; unlike the text, a log may hold them.
    """

    def __init__(self, text: str, fields: Sequence[str] = (), **parts: str) -> None:
        super().__init__(text, **parts)
        self.fields = tuple(fields)


class Conflict(AssemblyError):
    """The same id was used for something else. The first is kept."""


class DecidedAlready(Conflict):
    """A review was judged before its run waited for it again."""


class CannotDecide(AssemblyError):
    """The line decides nothing now: it lacks a champion or fresh features, or is paused. Nothing was written."""


class NotPermitted(AssemblyError):
    """The caller may not do this, such as an author who reviews the own run."""


class TrainingRejected(AssemblyError):
    """A training run broke its contract: missing metrics, an artefact that does not load, a wrong digest."""


class ScoringFailed(AssemblyError):
    """The model's answers cannot be trusted: rows missing, doubled or of another batch. Nothing was delivered."""


class ShardNotSent(AssemblyError):
    """Messages of a shard have no delivery record: the channel does not take them now, or the shard cannot be read."""


class EmbeddedAwsError(AssemblyError):
    """The embedded AWS could not start, deploy or stop. The message says what was found and what to do."""


class ProofError(AssemblyError):
    """`line proof` cannot read what it should judge. The message says what it met and what to add."""


class JobFailed(AssemblyError):
    """A training, transform or Glue job of the embedded AWS failed. The message becomes the job's failure reason."""


class JobStopped(AssemblyError):
    """A job of the embedded AWS was told to stop while it waited."""


class TargetUnreachable(AssemblyError):
    """The AWS that a command acts on does not answer, refuses the caller, or nothing is deployed there."""


class RunFailed(AssemblyError):
    """An execution ended without success. The message is its reason; what it had accepted before is kept."""


class FeatureFunctionFailed(AssemblyError):
    """A line's UDF failed, answered in another form than declared, or not the same when asked again."""


class ValueOutOfRange(AssemblyError):
    """A computed value does not fit its type, such as a sum beyond 64 bits. Nothing was rounded or wrapped."""


class TookTooLong(AssemblyError):
    """An answer did not come within the time that whoever asked could wait."""


class ModelTookTooLong(TookTooLong):
    """A model gave no answer within the time of a request. Nothing was written."""


class NotAuthenticated(AssemblyError):
    """The caller is not known: the request was not signed, or no authorizer stood before it."""


class TooLarge(AssemblyError):
    """A request body exceeds its bound; nothing of it was read."""


class NoLongerWaiting(AssemblyError):
    """The run that a judgement was for has ended: it was stopped, failed or waited too long."""


class SendingFailed(AssemblyError):
    """A queue did not take some messages after every attempt. The same request can be sent again: ids stay the same."""
