"""Whether a model's answers are those of the batch: counts, ids one to one, and each of the outcome's kind.

All of it happens in columns. Python reads again only those answers that are not as plain as nearly all are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from assembly_line.delivery.sql import INSERTED, dropped, insert, one_row, rows_of
from assembly_line.errors import ScoringFailed
from assembly_line.outcome_kinds import ROUNDING, Answer, OutcomeKind, Unusable, shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAMED = 5


def _stripped(text: str) -> str:
    """SQL of `str.strip`. Few texts begin or end in anything else than a plain sign."""
    plain = "BETWEEN 33 AND 126"
    return f"CASE WHEN ascii({text}) {plain} AND ascii(right({text}, 1)) {plain} THEN {text} ELSE trim({text}, $2) END"


# What `str.strip` takes off.
_BLANKS = "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace())
# Lines to ids and answers, which the first comma parts.
_PARTED = (
    "SELECT CASE WHEN comma = 0 THEN line ELSE left(line, comma - 1) END, "
    f"CASE WHEN comma = 0 THEN '' ELSE {_stripped('substr(line, comma + 1)')} END FROM ("
    "SELECT line, position(',' IN line) AS comma FROM ("
    f"SELECT {_stripped('line')} AS line FROM (SELECT unnest(string_split($1, chr(10))) AS line)) WHERE line <> '')"
)
# A number as `OutcomeKind.read` takes it, other than one that is not finite.
_PLAIN = r" *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)? *"


class Reason(StrEnum):
    """Why one decision of a batch is not delivered while the rest is."""

    NOT_A_NUMBER = "score_not_a_number"
    NOT_FINITE = "score_not_finite"
    OUT_OF_RANGE = "score_out_of_range"
    TWO_SCORES = "two_scores"
    UNSENDABLE = "message_invalid"
    EXPIRED = "action_expired"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One decision kept aside.

    Args:
        offset: its position in the spine, of the first row that asks about it.
        detail: shows the value and what was expected.
    """

    offset: int
    decision_id: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class CheckedAnswers:
    """What cannot be delivered of a batch; the rest is the table `usable`: `offset`, and `answer`, a list of doubles.

    Args:
        quarantined: in order of the spine.
        repeated: rows of the spine beyond the first of their decision.
    """

    quarantined: tuple[Quarantined, ...]
    repeated: int


def check_answers(connection: DuckDBPyConnection, texts: Iterable[str], *, kind: OutcomeKind) -> CheckedAnswers:
    """Match a model's answers to the decisions it was asked about, by id and never by position.

    Args:
        connection: with a table or view `asked`, the rows of the spine: `offset` and `decision_id`. Gets `usable`.
        texts: the transform job's output, some lines at once: `decision_id,answer`, in any order.
        kind: of the outcome that is predicted.

    Raises:
        ScoringFailed: rows are missing or too many, ids are of another batch, or not one answer can be used.
    """
    connection.execute("CREATE TABLE said (decision_id VARCHAR, text VARCHAR)")
    for text in texts:
        connection.execute(f"INSERT INTO said {_PARTED}", [text, _BLANKS])
    connection.execute(
        'CREATE TABLE matched AS SELECT decision_id, min("offset") AS "offset", count("offset") AS asked, '
        "count(text) AS said, any_value(text) AS text FROM "
        '(SELECT decision_id, "offset", NULL AS text FROM asked UNION ALL SELECT decision_id, NULL, text FROM said) '
        "GROUP BY decision_id"
    )
    _check_ids(connection)
    plain, bounds = _plain(kind)
    connection.execute(
        f'CREATE TABLE read AS SELECT "offset", {"list_sort(answer)" if kind.ascending else "answer"} AS answer, '
        f"coalesce({plain}, false) AS plain FROM (SELECT *, CASE WHEN said = 1 AND regexp_full_match(text, ?) "
        "THEN TRY_CAST(string_split(text, ',') AS DOUBLE[]) END AS answer FROM matched)",
        [*bounds, ",".join([_PLAIN] * kind.width)],
    )
    connection.execute('CREATE TABLE usable AS SELECT "offset", answer FROM read WHERE plain')
    quarantined = _read_again(connection, kind)
    (asked, first, usable) = one_row(
        connection, "SELECT (SELECT sum(asked) FROM matched), (SELECT count(*) FROM matched), count(*) FROM usable"
    )
    if quarantined and not usable:
        raise ScoringFailed(
            f"none of the model's {asked} answers can be used; the first: {quarantined[0].decision_id}: "
            f"{quarantined[0].detail}; nothing was delivered; correct the model and score again"
        )
    dropped(connection, "said", "matched", "read")
    return CheckedAnswers(tuple(quarantined), (asked or 0) - first)


def _check_ids(connection: DuckDBPyConnection) -> None:
    asked, said, missing, extra = one_row(
        connection,
        "SELECT sum(asked), sum(said), "
        "sum(asked - said) FILTER (asked > said), sum(said - asked) FILTER (said > asked) FROM matched",
    )
    if missing or extra:
        first_missing = 'SELECT decision_id FROM matched WHERE asked > said ORDER BY "offset"'
        first_extra = (
            "SELECT decision_id FROM said SEMI JOIN (FROM matched WHERE said > asked) USING (decision_id) "
            "GROUP BY decision_id ORDER BY min(said.rowid)"
        )
        raise ScoringFailed(
            f"the model was asked about {asked} rows and answered {said}: "
            f"{_name(connection, 'missing', missing, first_missing)}, "
            f"{_name(connection, 'too many or unknown', extra, first_extra)}; "
            "nothing was delivered; correct inference.py or the model, then score again"
        )


def _name(connection: DuckDBPyConnection, what: str, number: int | None, query: str) -> str:
    rows = connection.execute(f"{query} LIMIT {NAMED}").fetchall()
    first = ", ".join(repr(identifier[:60]) for (identifier,) in rows)
    return f"{number or 0} {what}" + (f" (first: {first})" if first else "")


def _plain(kind: OutcomeKind) -> tuple[str, list[float]]:
    """SQL of what an answer is that needs no second look, and its values. Those in doubt may fail it."""
    tests, bounds = ["list_bool_and(list_transform(answer, lambda number: isfinite(number)))"], []
    if kind.lowest is not None:
        tests.append("list_min(answer) >= ?::DOUBLE")
        bounds.append(kind.lowest)
    if kind.highest is not None:
        tests.append("list_max(answer) <= ?::DOUBLE")
        bounds.append(kind.highest)
    if kind.ascending:
        # 0.0 and -0.0 are equal and not the same: no sort of another language is sure to leave them as they come.
        tests.append("NOT (contains(text, '-') AND list_contains(answer, 0.0))")
    if kind.shares:
        # DuckDB's sum is not as exact as `math.fsum`.
        tests.append("abs(list_sum(answer) - 1) < ?::DOUBLE")
        bounds.append(ROUNDING * 0.99)
    return " AND ".join(tests), bounds


def _read_again(connection: DuckDBPyConnection, kind: OutcomeKind) -> list[Quarantined]:
    """Read what is not plain as the kind says, and add it to `usable`; what cannot be used, in order of the spine."""
    quarantined: list[Quarantined] = []
    odd = (
        'SELECT "offset", decision_id, list(DISTINCT said.text) FROM read JOIN matched USING ("offset") '
        'JOIN said USING (decision_id) WHERE NOT plain GROUP BY "offset", decision_id ORDER BY "offset"'
    )
    remaining = rows_of(connection, odd)
    while some := list(islice(remaining, INSERTED)):
        found = [(offset, _judge(kind, offset, identifier, texts)) for offset, identifier, texts in some]
        quarantined += [one for _, one in found if isinstance(one, Quarantined)]
        usable = [(offset, one) for offset, one in found if not isinstance(one, Quarantined)]
        insert(
            connection,
            "usable",
            ("BIGINT", [offset for offset, _ in usable]),
            ("DOUBLE[]", [list(answer) for _, answer in usable]),
        )
    return quarantined


def _judge(kind: OutcomeKind, offset: int, identifier: str, texts: Sequence[str]) -> Answer | Quarantined:
    answers: set[Answer] = set()
    refused: list[Unusable] = []
    for text in sorted(texts):
        try:
            answers.add(kind.read(text))
        except Unusable as error:
            refused.append(error)
    if len(texts) > 1 and (refused or len(answers) > 1):
        said = ", ".join(map(shown, sorted(texts)))
        return Quarantined(offset, identifier, Reason.TWO_SCORES, f"scores {said}, expected one")
    if refused:
        return Quarantined(offset, identifier, Reason(refused[0].reason), str(refused[0]))
    return answers.pop()
