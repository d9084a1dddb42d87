"""The join of a line's ledger as SQL on columns: one row a decision. DuckDB and Athena run the same text.

It answers what `feedback.history.join` answers, which states the rules row by row and is its oracle. Instants are the
ledger's own texts: all have one length, so they compare as they follow one another. `''` lies before all of them and
`'~'` behind.
"""

from __future__ import annotations

from collections.abc import Mapping

from assembly_line.names import LedgerKind

# Besides the kinds of rows: names of events under which two different things were said.
AMBIGUOUS = "ambiguous"
TABLES = (LedgerKind.PREDICTIONS, LedgerKind.DELIVERIES, LedgerKind.FEEDBACK, LedgerKind.OUTCOMES)


def joined(tables: Mapping[str, str]) -> str:
    """A query of the `decisions` of some days.

    Args:
        tables: each of `TABLES`, and `ambiguous` -> the table that holds its rows of these days.
    """
    return f"WITH {_given(tables)},\n{_JOIN}"


def tallied(tables: Mapping[str, str]) -> str:
    """A query of what the rows of each `day` hold beside decisions: repeated rows, contradictions, what waits."""
    return f"WITH {_given(tables)},\n{_TALLY}"


def _given(tables: Mapping[str, str]) -> str:
    return ",\n".join(f"{name} AS (SELECT * FROM {tables[name]})" for name in (*TABLES, AMBIGUOUS))


# Of the same statement the first to arrive stands for all. A receipt is a topic of each application's own.
_SAID = """
arrived AS (
    SELECT feedback.*,
        ambiguous.name IS NULL AS trusted,
        CASE WHEN feedback.kind = 'receipt' THEN feedback.principal ELSE '' END AS source,
        row_number() OVER (PARTITION BY feedback.name, feedback.body ORDER BY feedback.received_at) AS place
    FROM feedback LEFT JOIN ambiguous ON ambiguous.name = feedback.name
),
said AS (SELECT * FROM arrived WHERE place = 1),
own_words AS (
    SELECT *, max(sequence) OVER (PARTITION BY decision_id, kind, source, principal) AS own_highest FROM said
),
last_words AS (
    SELECT *, bool_and(retracts AND trusted) OVER (PARTITION BY decision_id, kind, source, principal) AS withdraws
    FROM own_words WHERE sequence = own_highest
),
standing AS (
    SELECT *, max(sequence) OVER (PARTITION BY decision_id, kind, source) AS highest FROM last_words WHERE NOT withdraws
),
topics AS (
    SELECT decision_id, kind, source,
        min(day) AS day,
        bool_and(trusted) AS trusted,
        min(statement) = max(statement) AS agreed,
        min_by(event_id, ROW(event_id, principal)) AS event_id,
        min_by(principal, ROW(event_id, principal)) AS principal,
        min_by(action, ROW(event_id, principal)) AS action,
        min_by(reason, ROW(event_id, principal)) AS reason,
        min_by(reported, ROW(event_id, principal)) AS reported,
        min_by(revision, ROW(event_id, principal)) AS revision,
        min_by(said_at, ROW(event_id, principal)) AS said_at,
        min_by(latest_at, ROW(event_id, principal)) AS latest_at
    FROM standing WHERE sequence = highest
    GROUP BY decision_id, kind, source
),
holding AS (SELECT * FROM topics WHERE trusted AND agreed)"""

# One row for each revision that is trusted: two contents of one revision are a contradiction.
_VERSIONS = """
contents AS (
    SELECT *,
        row_number() OVER (PARTITION BY decision_id, revision ORDER BY content) AS place,
        min(content) OVER (PARTITION BY decision_id, revision) AS lowest,
        max(content) OVER (PARTITION BY decision_id, revision) AS highest
    FROM predictions
),
versions AS (SELECT * FROM contents WHERE place = 1 AND lowest = highest),
scored AS (
    SELECT decision_id, min(day) AS day, min(decision_time) AS decision_time, count(*) AS revisions,
        CAST(sum(CASE WHEN backfill THEN 1 ELSE 0 END) AS BIGINT) AS backfills
    FROM versions GROUP BY decision_id
)"""

_JOIN = f"""{_VERSIONS.strip()},{_SAID},
sent AS (
    SELECT decision_id, revision, min(coalesce(left_at, '')) AS sent_at
    FROM deliveries WHERE status = 'delivered' GROUP BY decision_id, revision
),
told AS (
    SELECT *, max(sequence) OVER (PARTITION BY decision_id, revision, principal) AS own_highest
    FROM said WHERE kind = 'receipt' AND trusted
),
receipts AS (
    SELECT decision_id, revision, principal,
        bool_and(retracts) AS withdrawn,
        min(statement) = max(statement) AS agreed,
        min_by(receiving, event_id) AS receiving,
        min_by(said_at, ROW(event_id, principal)) AS said_at
    FROM told WHERE sequence = own_highest
    GROUP BY decision_id, revision, principal
),
applied AS (
    SELECT decision_id, revision, min(said_at) AS applied_at
    FROM receipts WHERE NOT withdrawn AND agreed AND receiving = 'applied' GROUP BY decision_id, revision
),
heard AS (
    SELECT decision_id FROM receipts WHERE NOT withdrawn
    UNION SELECT decision_id FROM said WHERE kind = 'receipt' AND NOT trusted
),
derivations AS (
    SELECT *,
        row_number() OVER (PARTITION BY decision_id ORDER BY as_of, run_id, content) AS place,
        min(comparable) OVER (PARTITION BY decision_id) AS lowest,
        max(comparable) OVER (PARTITION BY decision_id) AS highest
    FROM outcomes
),
derived AS (SELECT * FROM derivations WHERE place = 1),
flagged AS (
    SELECT holding.*,
        holding.said_at < scored.decision_time AS early,
        holding.said_at >= scored.decision_time AND holding.said_at > holding.latest_at AS ahead,
        holding.kind = 'receipt' AND versions.revision IS NULL AS strange
    FROM holding
    JOIN scored ON scored.decision_id = holding.decision_id
    LEFT JOIN versions ON versions.decision_id = holding.decision_id AND versions.revision = holding.revision
),
feedback_of AS (
    SELECT decision_id,
        max(CASE WHEN kind = 'outcome' THEN reported END) AS reported,
        max(CASE WHEN kind = 'outcome' AND NOT early AND NOT ahead THEN said_at END) AS reported_at,
        max(CASE WHEN kind = 'override' THEN action END) AS reviewed,
        max(CASE WHEN kind = 'override' THEN said_at END) AS reviewed_at,
        max(CASE WHEN kind = 'override' THEN principal END) AS reviewer,
        max(CASE WHEN kind = 'override' THEN reason END) AS reason,
        CAST(sum(CASE WHEN kind = 'receipt' THEN 1 ELSE 0 END) AS BIGINT) AS receipts,
        bool_or(kind = 'outcome' AND early) AS outcome_early,
        bool_or(kind = 'outcome' AND ahead) AS outcome_ahead,
        bool_or(kind = 'override' AND early) AS override_early,
        bool_or(kind = 'override' AND ahead) AS override_ahead,
        bool_or(kind = 'receipt' AND early) AS receipt_early,
        bool_or(kind = 'receipt' AND ahead) AS receipt_ahead,
        bool_or(strange) AS receipt_unknown
    FROM flagged GROUP BY decision_id
),
about AS (
    SELECT scored.*, feedback_of.reported, feedback_of.reviewed, feedback_of.reviewed_at, feedback_of.reviewer,
        feedback_of.reason,
        coalesce(feedback_of.receipts, 0) AS receipts,
        coalesce(feedback_of.outcome_early, FALSE) AS outcome_early,
        coalesce(feedback_of.outcome_ahead, FALSE) AS outcome_ahead,
        coalesce(feedback_of.override_early, FALSE) AS override_early,
        coalesce(feedback_of.override_ahead, FALSE) AS override_ahead,
        coalesce(feedback_of.receipt_early, FALSE) AS receipt_early,
        coalesce(feedback_of.receipt_ahead, FALSE) AS receipt_ahead,
        coalesce(feedback_of.receipt_unknown, FALSE) AS receipt_unknown,
        derived.decision_id IS NOT NULL AS derived,
        derived.stated AS derived_stated,
        derived.whole AS derived_whole,
        coalesce(derived.lowest <> derived.highest, FALSE) AS derived_changed,
        CASE WHEN derived.decision_id IS NOT NULL THEN derived.mature_at ELSE feedback_of.reported_at END AS known_at,
        heard.decision_id IS NOT NULL AS heard
    FROM scored
    LEFT JOIN feedback_of ON feedback_of.decision_id = scored.decision_id
    LEFT JOIN derived ON derived.decision_id = scored.decision_id
    LEFT JOIN heard ON heard.decision_id = scored.decision_id
),
candidates AS (
    SELECT versions.decision_id, versions.revision, sent.sent_at, applied.applied_at,
        sent.sent_at IS NOT NULL AND NOT versions.backfill AND greatest(
            coalesce(versions.issued_at, ''), coalesce(sent.sent_at, '~'),
            CASE WHEN about.heard THEN coalesce(applied.applied_at, '~') ELSE '' END
        ) < least(coalesce(versions.expires_at, '~'), coalesce(about.known_at, '~')) AS decides
    FROM versions
    JOIN about ON about.decision_id = versions.decision_id
    LEFT JOIN sent ON sent.decision_id = versions.decision_id AND sent.revision = versions.revision
    LEFT JOIN applied ON applied.decision_id = versions.decision_id AND applied.revision = versions.revision
),
chosen AS (
    SELECT decision_id,
        max(CASE WHEN decides THEN revision END) IS NOT NULL AS in_force,
        max(CASE WHEN sent_at IS NOT NULL THEN revision END) IS NOT NULL AS delivered,
        coalesce(max(CASE WHEN decides THEN revision END), max(CASE WHEN sent_at IS NOT NULL THEN revision END),
            max(revision)) AS revision
    FROM candidates GROUP BY decision_id
),
together AS (
    SELECT versions.*, about.revisions, about.backfills, about.reported, about.reviewed, about.reviewed_at,
        about.reviewer, about.reason, about.receipts, about.derived, about.derived_stated, about.known_at,
        chosen.in_force, chosen.delivered, candidates.sent_at, candidates.applied_at,
        about.outcome_early OR about.outcome_ahead AS outcome_implausible,
        about.derived AND about.reported IS NOT NULL
            AND (about.derived_whole IS NULL OR about.derived_whole <> about.reported) AS contradicted,
        about.outcome_early, about.outcome_ahead, about.override_early, about.override_ahead, about.receipt_early,
        about.receipt_ahead, about.receipt_unknown, about.derived_changed
    FROM chosen
    JOIN versions ON versions.decision_id = chosen.decision_id AND versions.revision = chosen.revision
    JOIN candidates ON candidates.decision_id = chosen.decision_id AND candidates.revision = chosen.revision
    JOIN about ON about.decision_id = chosen.decision_id
)
SELECT day, decision_id, decision_time, keys,
    coalesce(CASE WHEN reviewed <> action THEN reviewed END, action) AS action,
    action AS recommended, score, detail, propensity, explored, arm, policy_version, model_run_id, release, dataset_id,
    run_id, baseline, prior, scale, revision, revisions, backfills, backfill, issued_at, expires_at,
    delivered, sent_at AS delivered_at, applied_at, in_force, receipts,
    coalesce(reviewed <> action, FALSE) AS overridden,
    coalesce(reviewed = action, FALSE) AS confirmed,
    reviewer AS reviewed_by, reviewed_at, reason,
    coalesce(reviewed <> action AND known_at IS NOT NULL AND reviewed_at >= known_at, FALSE) AS hindsight,
    CASE WHEN derived THEN derived_stated
        WHEN reported IS NOT NULL AND NOT outcome_implausible THEN concat('[', CAST(reported AS VARCHAR), ']')
        END AS outcome,
    derived AS outcome_derived,
    known_at AS outcome_known_at,
    concat(
        CASE WHEN derived_changed THEN 'derived_outcome_changed ' ELSE '' END,
        CASE WHEN outcome_early THEN 'outcome_before_decision ' ELSE '' END,
        CASE WHEN outcome_ahead THEN 'outcome_clock_ahead ' ELSE '' END,
        CASE WHEN override_early THEN 'override_before_decision ' ELSE '' END,
        CASE WHEN override_ahead THEN 'override_clock_ahead ' ELSE '' END,
        CASE WHEN receipt_early THEN 'receipt_before_decision ' ELSE '' END,
        CASE WHEN receipt_ahead THEN 'receipt_clock_ahead ' ELSE '' END,
        CASE WHEN receipt_unknown THEN 'receipt_revision_unknown ' ELSE '' END,
        CASE WHEN contradicted THEN 'reported_outcome_contradicts ' ELSE '' END
    ) AS flags
FROM together"""

_TALLY = f"""{_VERSIONS.strip()},{_SAID},
known AS (SELECT DISTINCT decision_id FROM versions),
tallies AS (
    SELECT day, 'duplicates' AS figure, count(*) AS number FROM arrived WHERE place > 1 GROUP BY day
    UNION ALL
    SELECT day, 'duplicates', count(*) - count(DISTINCT concat(decision_id, CAST(revision AS VARCHAR), content))
    FROM predictions GROUP BY day
    UNION ALL
    SELECT day, 'duplicates', count(*) - count(DISTINCT decision_id) FROM outcomes GROUP BY day
    UNION ALL
    SELECT day, 'conflicts', count(DISTINCT concat(decision_id, CAST(revision AS VARCHAR)))
    FROM contents WHERE lowest <> highest GROUP BY day
    UNION ALL
    SELECT day, 'conflicts', count(DISTINCT concat(decision_id, kind, name)) FROM said WHERE NOT trusted GROUP BY day
    UNION ALL
    SELECT day, 'conflicts', count(*) FROM topics WHERE trusted AND NOT agreed GROUP BY day
    UNION ALL
    SELECT said.day, 'withdrawn', count(DISTINCT concat(said.decision_id, said.kind, said.source))
    FROM said LEFT JOIN topics ON topics.decision_id = said.decision_id AND topics.kind = said.kind
        AND topics.source = said.source
    WHERE topics.decision_id IS NULL GROUP BY said.day
    UNION ALL
    SELECT holding.day, 'parked', count(*)
    FROM holding LEFT JOIN known ON known.decision_id = holding.decision_id
    WHERE known.decision_id IS NULL GROUP BY holding.day
)
SELECT day, figure, CAST(sum(number) AS BIGINT) AS number FROM tallies GROUP BY day, figure"""
