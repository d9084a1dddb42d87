"""The strategic report of a line, from its ledger and the datasets that it scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound, RequestRefused
from assembly_line.features import in_words
from assembly_line.feedback import measure, require_key
from assembly_line.instants import format_instant
from assembly_line.ledger import LAST, opened_decisions
from assembly_line.reporting.figures import Figures, figures
from assembly_line.reporting.judged import READ, Judged
from assembly_line.reporting.report_page import report_page
from assembly_line.reporting.report_sections import ReportSubject

if TYPE_CHECKING:
    from assembly_line.ledger import OpenLedger
    from assembly_line.storage import Account

# Of models and datasets, those with the most decisions.
MOST_LISTED = 12
DRAWS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report.

    Args:
        page: HTML.
        missing: datasets that are no longer there.
    """

    line: str
    page: str
    figures: Figures
    missing: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """The figures that a program may want, without the page."""
        whole, chance = self.figures.whole, self.figures.randomised
        return {
            "line": self.line,
            "decisions": whole.decisions,
            "acted": whole.acted,
            "overridden": whole.overridden,
            "in_force": whole.in_force,
            "outcomes": whole.known,
            "mean_outcome": whole.mean.mean,
            "mean_outcome_interval": whole.mean.interval,
            "associations": [
                {"feature": one.name, "chance_adjusted": one.adjusted, "beyond_chance": one.clear}
                for one in self.figures.associations or ()
            ],
            "acting_changes": None if chance is None else chance.difference,
            "net_value": sum(one.net for one in self.figures.earned) if self.figures.earned else None,
            "missing_datasets": list(self.missing),
        }


def report(
    account: Account, name: str, *, since: str = "", until: str = LAST, by: str | None = None, now: datetime
) -> Report:
    """The report of a line.

    Args:
        since, until: instants as the ledger writes them: of decisions from the one to before the other.
        by: key whose values are told apart.

    Raises:
        NotFound: the line was never released, or matplotlib is not installed.
        RequestRefused: no decision has the key `by`, or the period ends before it begins.
    """
    if since >= until:
        raise RequestRefused.about(
            "--until", until, f"an instant after {since}, where the period begins", "exchange --from and --until"
        )
    release = account.released.release(name)
    line = release.line
    with opened_decisions(account, name, READ, since=since, until=until) as ledger:
        if by is not None:
            require_key(ledger.session, by)
        judged = Judged(ledger.session, line, by=by)
        models, datasets = (_counted(judged, column) for column in ("model_run_id", "dataset_id"))
        there, missing = _fetched(account, name, judged, ledger)
        found = figures(judged, there)
        subject = ReportSubject(
            line=line,
            outcome=judged.outcome,
            shares=judged.shares,
            cluster=judged.cluster,
            period=_period(judged, since, until),
            as_of=format_instant(now.astimezone(UTC))[:16].replace("T", " ") + " UTC",
            release=release.digest,
            models=models,
            datasets=datasets,
            missing=missing,
            by=by,
            meanings={feature: in_words(line, feature) for feature in line.features},
            performance=measure(ledger.session, kind=line.predicts, cluster=judged.cluster, draws=DRAWS)[-1]
            if found.whole.known
            else None,
        )
    return Report(line=name, page=report_page(subject, found), figures=found, missing=missing)


def _period(judged: Judged, since: str, until: str) -> str:
    ((first, last),) = judged.session.rows("SELECT min(decision_time), max(decision_time) FROM looked")
    asked = f"Asked for decisions from {since[:10] or 'the first'} to {'the last' if until == LAST else until[:10]}"
    if first is None:
        return f"{asked}: there are none"
    return f"Decisions from {first[:10]} to {last[:10]}"


def _counted(judged: Judged, column: str) -> dict[str, int]:
    judged.session.execute(
        f"CREATE OR REPLACE TEMP TABLE counted AS SELECT coalesce({column}, 'not known') AS name, count(*) AS number "
        "FROM decisions WHERE delivered GROUP BY name"
    )
    return dict(judged.session.rows(f"SELECT name, number FROM counted ORDER BY number DESC, name LIMIT {MOST_LISTED}"))


def _fetched(account: Account, line: str, judged: Judged, ledger: OpenLedger) -> tuple[dict[str, Path], list[str]]:
    """The rows of each dataset that a judged decision was scored with, and the datasets that are gone."""
    there, missing = {}, []
    wanted = judged.session.rows("SELECT DISTINCT dataset_id FROM judged WHERE dataset_id IS NOT NULL ORDER BY 1")
    for place, (dataset_id,) in enumerate(wanted):
        path = ledger.folder / f"scored-{place}.parquet"
        try:
            account.datasets.download(line, dataset_id, path)
        except NotFound:
            missing.append(dataset_id)
            continue
        there[dataset_id] = path
    return there, missing
