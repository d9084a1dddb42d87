"""Batch transform's record handling: splitting, batching, filtering by JSONPath, joining, assembling. CSV and lines."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from assembly_line.errors import JobFailed

MIB = 1024 * 1024
# A column may be as long as the payload allows; Python's own limit is 128 KiB.
csv.field_size_limit(sys.maxsize)
ITEM = re.compile(r"\s*(?:(?P<index>-?\d+)|(?P<start>-?\d*)\s*:\s*(?P<stop>-?\d*))\s*")


@dataclass(frozen=True)
class ColumnFilter:
    """A JSONPath over one CSV row, taken as an array: `$`, `$[0]`, `$[1:]`, `$[0,-1]`, `$[0,5:]` and the like."""

    text: str
    selectors: tuple[int | slice, ...] | None

    @classmethod
    def parse(cls, text: str | None, *, what: str) -> ColumnFilter:
        """Read a filter; None or `$` keeps the row as it is.

        Raises:
            JobFailed: an expression that has no meaning for CSV.
        """
        expression = (text or "$").strip()
        if expression == "$":
            return cls(expression, None)
        selectors: list[int | slice] = []
        inner = expression[2:-1] if expression.startswith("$[") and expression.endswith("]") else ""
        for item in inner.split(","):
            match = ITEM.fullmatch(item)
            if match is None:
                raise JobFailed(
                    f"ClientError: DataProcessing.{what} {expression!r}: for CSV expected $, or indexes and slices of "
                    "columns such as $[0], $[-1], $[1:], $[0,-1]"
                )
            if match["index"] is not None:
                selectors.append(int(match["index"]))
            else:
                start, stop = (int(match[name]) if match[name] else None for name in ("start", "stop"))
                selectors.append(slice(start, stop))
        return cls(expression, tuple(selectors))

    def apply(self, row: str) -> str:
        """The chosen columns of one row.

        Raises:
            JobFailed: an index beyond the row, which AWS refuses too.
        """
        if self.selectors is None:
            return row
        fields = read_row(row)
        chosen: list[str] = []
        for selector in self.selectors:
            if isinstance(selector, slice):
                chosen += fields[selector]
            elif -len(fields) <= selector < len(fields):
                chosen.append(fields[selector])
            else:
                raise JobFailed(
                    f"ClientError: {self.text!r}: index {selector} is beyond a row of {len(fields)} columns"
                )
        return write_row(chosen)


def read_row(row: str) -> list[str]:
    """The columns of one line.

    Raises:
        JobFailed: quotes that do not close, or that do not stand around a whole column.
    """
    try:
        return next(csv.reader([row], strict=True), [""])
    except csv.Error as error:
        raise JobFailed(f"ClientError: {row[:100]!r} is no row of CSV: {error}") from error


def write_row(fields: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def split_lines(body: bytes) -> list[str]:
    """The records of an object with SplitType Line. The newline at its end begins no record.

    Raises:
        JobFailed: not UTF-8.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JobFailed(f"ClientError: the input is not UTF-8 text: {error}") from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    return lines


def batches(records: list[str], *, single: bool, max_payload_mib: int) -> Iterator[tuple[int, int]]:
    """Cut records into requests: one each, or as many as fit.

    Args:
        records: lines as the model gets them, without newlines.
        single: BatchStrategy SingleRecord.
        max_payload_mib: MaxPayloadInMB; 0 is no limit.

    Yields:
        First index and the index after the last of each request, in order.

    Raises:
        JobFailed: one record alone is beyond the limit.
    """
    limit = max_payload_mib * MIB
    start = size = 0
    for number, record in enumerate(records):
        length = len(record.encode("utf-8")) + 1
        if limit and length > limit:
            raise JobFailed(
                f"ClientError: record {number + 1} has {length} bytes, over MaxPayloadInMB={max_payload_mib}"
            )
        if number > start and (single or (limit and size + length > limit)):
            yield start, number
            start, size = number, 0
        size += length
    if records:
        yield start, len(records)


def join(inputs: list[str], outputs: list[str]) -> list[str]:
    """Append each output row to its input row. The counts must be equal: the caller has checked."""
    return [f"{row},{output}" for row, output in zip(inputs, outputs, strict=True)]
