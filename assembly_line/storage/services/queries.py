"""Athena: one SELECT at a time in the line's workgroup, its result as text."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from assembly_line.errors import RequestRefused, RunFailed

if TYPE_CHECKING:
    from mypy_boto3_athena.client import AthenaClient

SELECT = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
COMMENT = re.compile(r"--|/\*")
PAUSE = 0.5  # seconds
ATTEMPTS = 1200
ROWS = 1000


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Column names and rows; null is None. `complete`: there are no further rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    complete: bool


def checked_select(text: str) -> str:
    """The statement without its last semicolon.

    Raises:
        RequestRefused: it is not one SELECT (or WITH ... SELECT), or carries a comment, in which anything may hide.
    """
    statement = text.strip().removesuffix(";").rstrip()
    bare = QUOTED.sub("''", statement)
    if not SELECT.match(bare):
        raise RequestRefused(
            f"SQL {text[:100]!r}: expected one SELECT, or WITH ... SELECT",
            where="SQL",
            value=repr(text[:100]),
            expected="one SELECT, or WITH ... SELECT",
        )
    if ";" in bare or COMMENT.search(bare):
        raise RequestRefused(
            f"SQL {text[:100]!r}: expected one statement, without a further `;` and without comments",
            where="SQL",
            value=repr(text[:100]),
            expected="one statement without comments",
        )
    return statement


class Queries:
    """One workgroup and one database."""

    def __init__(
        self, athena: AthenaClient, *, workgroup: str, database: str, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._athena = athena
        self._workgroup = workgroup
        self._database = database
        self._pause = pause

    def select(self, text: str, *, rows: int) -> QueryResult:
        """The first `rows` rows (1 to 999) of a SELECT.

        Raises:
            RequestRefused: the text is not one SELECT, or Athena refuses it.
            RunFailed: Athena could not answer it.
        """
        try:
            started = self._athena.start_query_execution(
                QueryString=checked_select(text),
                QueryExecutionContext={"Database": self._database},
                WorkGroup=self._workgroup,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRequestException":
                raise
            raise RequestRefused(f"SQL: {error.response['Error'].get('Message', error)}") from error
        self._wait(started["QueryExecutionId"])
        # The first row of a result names its columns.
        page = self._athena.get_query_results(QueryExecutionId=started["QueryExecutionId"], MaxResults=rows + 1)
        columns = tuple(one["Name"] for one in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"])
        found = [tuple(cell.get("VarCharValue") for cell in row["Data"]) for row in page["ResultSet"]["Rows"]]
        return QueryResult(columns, tuple(found[1:]), complete="NextToken" not in page)

    def _wait(self, query: str) -> None:
        for _ in range(ATTEMPTS):
            status = self._athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return
            if status["State"] in ("FAILED", "CANCELLED"):
                raise RunFailed(f"query {query}: {status.get('StateChangeReason', status['State'])}")
            self._pause(PAUSE)
        raise RunFailed(f"query {query}: has not ended after {ATTEMPTS * PAUSE:.0f} seconds")
