"""Features that predict far better than all others do: too weak to be the outcome itself, too strong to be believed.

Powers are compared as odds that a feature ranks a decision with the outcome above one without: on that scale honest
features lie close together, and 0.90 beside 0.75 is as far as 0.97 beside 0.90. A step between two neighbours is told
by nothing but them, so further leaks above it neither hide it nor move it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from assembly_line.declarations.lines import Line
from assembly_line.features.model.findings import Finding, not_judged
from assembly_line.features.quality.leak_findings import FAR_ABOVE, STANDS_OUT, Leak, leak_findings

# An AUC below is within what one honest feature reaches; of so few features one may well be the only strong one.
FLOOR, FLOOR_OF_FEW, FEW = 0.85, 0.9, 7
# The odds are so many times those of the next feature: a scale of honest ones has no such step.
STEP = 2.0
EXPECTED = "within what the other features reach"


def audit_power(line: Line, aucs: Mapping[str, float], measure: str, over: str) -> list[Finding]:
    """Warn of features that stand far above the others.

    Args:
        aucs: feature -> AUC in [0.5, 1] of those that are no leak already.
        measure: `AUC`, or `|Spearman|` whose values stand as the AUC of the same odds.
    """
    if len(aucs) < 2:
        return [
            not_judged(
                FAR_ABOVE,
                f"{len(aucs)} features, too few to compare with each other",
                expected="more than 1",
                advice="nothing to do: it is judged once there are more",
            )
        ]
    above = standing_out(aucs)
    best = max((auc for name, auc in aucs.items() if name not in above), default=0.5)
    shown = _shown(measure)
    return leak_findings(
        line,
        FAR_ABOVE,
        [
            Leak(
                feature=name,
                said=STANDS_OUT,
                value=f"{measure} {shown(aucs[name])} over {over}, and at most {shown(best)} of the "
                f"{len(aucs) - len(above)} that do not stand out",
                expected=EXPECTED,
                advice="check when its rows are written, which may be later than the time that they carry, and whether "
                "it rests on facts without a time",
            )
            for name in above
        ],
        looked_at=f"no step above the others among {len(aucs)} features",
        expected=EXPECTED,
        severity="warning",
    )


def standing_out(aucs: Mapping[str, float]) -> list[str]:
    """The features above the lowest step, the strongest first: at most half of all, or one more of an odd number."""
    names = sorted(aucs, key=lambda name: -aucs[name])
    floor = FLOOR if len(names) > FEW else FLOOR_OF_FEW
    for above in range(min((len(names) + 1) // 2, len(names) - 1), 0, -1):
        weakest = aucs[names[above - 1]]
        if weakest >= floor and odds(weakest) >= STEP * odds(aucs[names[above]]):
            return names[:above]
    return []


def odds(auc: float) -> float:
    """1 for an AUC of 0.5, without end towards 1."""
    bounded = min(max(auc, 0.5), 1 - 1e-9)
    return bounded / (1 - bounded)


def auc_of_correlation(correlation: float) -> float:
    """The AUC of the odds of a rank correlation in [0, 1]: as pairs in order less pairs out of it are."""
    return (1 + correlation) / 2


def _shown(measure: str) -> Callable[[float], str]:
    return (lambda auc: f"{auc:.3f}") if measure == "AUC" else (lambda auc: f"{2 * auc - 1:.3f}")
