"""What a model is asked of a batch, and its answers beside the ids of the decisions, as a transform job writes them."""

from __future__ import annotations

from assembly_line.errors import JobFailed


def asked(batch: bytes) -> bytes:
    """The rows without the decision's id, their first column."""
    return b"".join(line.partition(b",")[2] + b"\n" for line in _lines(batch))


def answered(batch: bytes, answers: bytes, *, last_only: bool) -> bytes:
    """`decision_id,answer` a line.

    Args:
        last_only: of several columns of an answer the last one counts.

    Raises:
        JobFailed: there is not one answer for each row.
    """
    rows, found = _lines(batch), _lines(answers)
    if len(rows) != len(found):
        raise JobFailed(
            f"the model answered {len(found)} record(s) for {len(rows)}; inference.py must return one answer for each "
            "row, in order"
        )
    pairs = zip(rows, (each.rpartition(b",")[2] if last_only else each for each in found), strict=True)
    return b"".join(row.partition(b",")[0] + b"," + answer + b"\n" for row, answer in pairs)


def _lines(content: bytes) -> list[bytes]:
    lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    return lines if lines[-1] else lines[:-1]
