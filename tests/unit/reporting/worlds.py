"""A made-up past of the shipped line: what was decided, by chance too, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from assembly_line.declarations.decisions import Policy
from assembly_line.declarations.lines import Line
from assembly_line.features import literal
from assembly_line.loader import load_line
from assembly_line.reporting.figures import Figures, figures
from assembly_line.reporting.judged import Judged
from tests.ledgers import JoinedLedger

COUPONS = load_line(Path(__file__).parents[3] / "lines", "coupon_redemption").line
DATASET = "ds-" + "1" * 32
EFFECT = 0.2
HOUSEHOLDS, CAMPAIGNS = 500, 6


def with_policy(**changes: Any) -> Line:
    """The shipped line under another policy."""
    given: dict[str, Any] = {**{name: getattr(COUPONS.policy, name) for name in Policy.__dataclass_fields__}, **changes}
    return replace(COUPONS, policy=Policy(**given))


class Past:
    """Decisions of households that are mailed in some campaigns. `rows`: the truth behind each, in order.

    A household that spends more redeems more often, and is reminded more often. Reminding adds `EFFECT`. The feature
    `visits_30d` has nothing to do with anything. `age` is personal, and goes along with the outcome.

    Args:
        explores: how often a lot decides.
        known: share of the decisions whose outcome is certain.
    """

    def __init__(
        self, *, explores: float = 0.4, known: float = 1.0, households: int = HOUSEHOLDS, seed: int = 11
    ) -> None:
        random = np.random.default_rng(seed)
        spend, age = random.gamma(2.0, 50.0, size=households), random.integers(3, size=households)
        self.rows: list[dict[str, Any]] = []
        for number in range(households * CAMPAIGNS):
            household, campaign = divmod(number, CAMPAIGNS)
            favoured = spend[household] > 120
            lot = bool(random.random() < explores)
            act = bool(random.random() < 0.5) if lot else bool(favoured)
            likely = explores / 2 + (1 - explores) * (act == favoured)
            chance = 0.05 + min(spend[household], 300) / 600 + 0.08 * age[household] + EFFECT * act
            self.rows.append(
                {
                    "household": household,
                    "campaign": campaign,
                    "spend_30d": float(spend[household]),
                    "visits_30d": int(random.integers(20)),
                    "campaign_type": f"Type {'AB'[campaign % 2]}",
                    "age": ("under 30", "30 to 60", "over 60")[age[household]],
                    "act": act,
                    "lot": lot,
                    "propensity": likely,
                    "y": int(random.random() < chance),
                    "known": bool(random.random() < known),
                    "overridden": number % 50 == 0,
                }
            )

    def ledger(self) -> JoinedLedger:
        predictions, deliveries, feedback, outcomes = [], [], [], []
        for number, row in enumerate(self.rows):
            month = 1 + row["campaign"]
            identifier, at = f"d1-20170{month}01-{number:032x}", f"2017-0{month}-01T06:00:00.000000Z"
            action = "remind" if row["act"] else "leave"
            predictions.append(
                {
                    "decision_id": identifier,
                    "revision": 1,
                    "decision_time": at,
                    "keys": {"household_id": row["household"], "campaign_id": row["campaign"]},
                    "score": min(row["spend_30d"] / 600, 1.0),
                    "action": action,
                    "propensity": row["propensity"],
                    "explored": row["lot"],
                    "arm": "champion",
                    "policy_version": 1,
                    "model": {"run_id": "trained-1"},
                    "release": "f" * 64,
                    "dataset_id": DATASET,
                    "run_id": "scored-1",
                    "baseline": row["visits_30d"],
                    "prior": 0.3,
                    "issued_at": at,
                    "expires_at": f"2017-0{month}-28T00:00:00.000000Z",
                }
            )
            deliveries.append({"decision_id": identifier, "revision": 1, "status": "delivered", "at": at})
            if row["overridden"]:
                feedback.append(
                    {
                        "decision_id": identifier,
                        "kind": "override",
                        "event_id": f"e{number}",
                        "principal": "anna",
                        "sequence": 1,
                        "retracts": False,
                        "at": f"2017-0{month}-01T07:00:00.000000Z",
                        "received_at": f"2017-0{month}-01T07:00:00.000000Z",
                        "action": "leave" if row["act"] else "remind",
                        "reason": "they moved",
                    }
                )
            if row["known"]:
                outcomes.append(
                    {
                        "decision_id": identifier,
                        "value": row["y"],
                        "mature_at": "2017-12-01T00:00:00.000000Z",
                        "as_of": "2017-12-01",
                        "run_id": "o",
                    }
                )
        return JoinedLedger(predictions, deliveries, feedback, outcomes)

    def dataset(self, ledger: JoinedLedger) -> Mapping[str, Path]:
        """The rows that were scored, where the ledger may read them."""
        path = ledger._folder / "scored.parquet"
        names = ("spend_30d", "visits_30d", "campaign_type", "age")
        columns = [
            [f"d1-20170{1 + row['campaign']}01-{number:032x}" for number, row in enumerate(self.rows)],
            *([row[name] for row in self.rows] for name in names),
        ]
        listed = ", ".join(f"unnest(${place}) AS {name}" for place, name in enumerate(("decision_id", *names), 1))
        ledger.execute(f"CREATE OR REPLACE TABLE scored AS SELECT {listed}", columns)
        ledger.execute(f"COPY scored TO {literal(str(path))} (FORMAT parquet)")
        return {DATASET: path}

    def figures(self, line: Line = COUPONS, *, by: str | None = None) -> tuple[Judged, Figures]:
        """What a report says of it."""
        ledger = self.ledger()
        judged = Judged(ledger, line, by=by)
        return judged, figures(judged, self.dataset(ledger))
