"""Features that predict far better than all others do: too weak to be the outcome itself, too strong to be believed.

Powers are compared as log-odds that a feature ranks a decision with the outcome above one without: on that scale honest
features lie close together, and 0.90 beside 0.75 is as far as 0.97 beside 0.90. The rest is summed up by its median and
median absolute deviation, which a few leaks among it cannot move (Iglewicz and Hoaglin 1993: 3.5 deviations).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping

from assembly_line.declarations.lines import Line
from assembly_line.features.model.findings import Finding, not_judged
from assembly_line.features.quality.leak_findings import FAR_ABOVE, STANDS_OUT, Leak, leak_findings

# An AUC below is within what one honest feature reaches.
FLOOR = 0.85
DEVIATIONS = 3.5
# The least that honest features deviate from each other, in log-odds; many features of pure noise deviate less.
LEAST_DEVIATION = 0.25
# And the odds are so many times those of the best feature that does not stand out: a scale of honest ones has no step.
TIMES_THE_BEST = 1.5
# Of fewer others nothing is the rule.
ENOUGH_OTHERS = 4
# Makes a deviation of the median that is comparable with a standard deviation, for a normal distribution.
NORMAL = 1.4826
EXPECTED = "within what the other features reach"


def audit_power(line: Line, aucs: Mapping[str, float], measure: str, over: str) -> list[Finding]:
    """Warn of features that stand far above the others.

    Args:
        aucs: feature -> AUC in [0.5, 1] of those that are no leak already.
        measure: `AUC`, or `|Spearman|` whose values stand as the AUC of the same odds.
    """
    if len(aucs) <= ENOUGH_OTHERS:
        return [
            not_judged(
                FAR_ABOVE,
                f"{len(aucs)} features, too few to compare with each other",
                expected=f"more than {ENOUGH_OTHERS}",
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
    """The features that stand far above the others, the strongest first."""
    powers = {name: log_odds(auc) for name, auc in aucs.items()}
    names = sorted(powers, key=lambda name: -powers[name])
    far = [name for name in names if aucs[name] >= FLOOR and powers[name] > _reached(powers, name)]
    best = max((powers[name] for name in names if name not in far), default=0.0)
    return [name for name in far if powers[name] >= best + math.log(TIMES_THE_BEST)]


def log_odds(auc: float) -> float:
    """0 for an AUC of 0.5, without end towards 1."""
    bounded = min(max(auc, 0.5), 1 - 1e-9)
    return math.log(bounded / (1 - bounded))


def auc_of_correlation(correlation: float) -> float:
    """The AUC of the odds of a rank correlation in [0, 1]: as pairs in order less pairs out of it are."""
    return (1 + correlation) / 2


def _shown(measure: str) -> Callable[[float], str]:
    return (lambda auc: f"{auc:.3f}") if measure == "AUC" else (lambda auc: f"{2 * auc - 1:.3f}")


def _reached(powers: Mapping[str, float], name: str) -> float:
    """What the other features reach."""
    others = [power for other, power in powers.items() if other != name]
    middle = statistics.median(others)
    deviation = NORMAL * statistics.median(abs(power - middle) for power in others)
    return middle + DEVIATIONS * max(deviation, LEAST_DEVIATION)
