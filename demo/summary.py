"""The end of the demo as a person reads it: what happened, how good it was, where time went, what to try next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly_line.cli.invocation import program
from assembly_line.cli.output import Render, duration, fields, percent, person, rows
from assembly_line.cli.views.board import draw_board
from assembly_line.cli.views.performance import columns, figure, figures, interval
from assembly_line.outcome_kinds import Binary

if TYPE_CHECKING:
    from rich.console import Console

    from demo.figures import Figures

NEXT = (
    ("up", "the same embedded AWS again, with everything in it"),
    ("status", "releases, champion, executions"),
    ("performance coupon_redemption --by campaign_id", "this table again"),
    ("board", "where time went"),
    ("train coupon_redemption --as-of 2017-12-01 --as scientist", "train on more, review it yourself"),
    ("down", "stop; nothing is lost"),
)


def draw(found: Figures, state: Path) -> Render:
    """The whole summary."""

    def render(console: Console) -> None:
        console.rule("[bold]Coupon redemption, July to December 2017, replayed")
        console.print(
            "Public data, simulated from real shopping for education (The Complete Journey). The question: which "
            "mailed households redeem a coupon of the campaign; not whom to mail. The review and the overrides are "
            "simulated.\n",
            style="dim",
        )
        _what_happened(found)(console)
        _how_good(found)(console)
        if found.board is not None:
            draw_board(found.board)(console)
        _what_next(console, state)

    return render


def _what_happened(found: Figures) -> Render:
    data, run, scoring, feedback = found.dataset, found.training, found.scoring, found.feedback
    left = data["spine_rows"] - data["rows"]
    return fields(
        {
            "Dataset": f"{data['rows']:,} of {data['spine_rows']:,} decisions were mature on 2017-07-01 "
            f"({left:,} were not, or had no history); {data['features']} features, {data['engine']}, "
            f"{duration(data['seconds'])}",
            "Training": f"run {run['run_id']}: {run['rows']:,} rows; its recipe learnt from {run['judged_rows']:,} "
            f"of them and was judged on the {run['holdout_rows']:,} latest; {run['purged_rows']:,} were left out, "
            "because their outcomes were not known when these were decided",
            "Holdout": f"AUC {run['auc']:.3f} ({interval(run['auc_interval'])}), rule {figure(run['baseline_auc'])}; "
            f"log loss {run['log_loss']:.4f}, prior {run['prior_log_loss']:.4f}",
            "Review": f"{found.review['decision']}d by {person(found.review['reviewer'])}, "
            f"author {person(found.review['author'])}",
            "Challenger": _challenger(found),
            "Delivery": f"{scoring['offered']:,} offered = {scoring['delivered']:,} delivered + "
            f"{scoring['quarantined']:,} quarantined + {scoring['dead_lettered']:,} dead-lettered, "
            f"for {scoring['campaigns']} campaigns",
            "Application": f"received {found.consumer['received']:,}, applied {found.consumer['applied']:,} once each",
            "Feedback": f"{feedback['overrides']:,} overrides (simulated), {feedback['outcomes']:,} certain outcomes, "
            f"{feedback['parked']:,} parked",
        }
    )


def _challenger(found: Figures) -> str:
    """What the run that learnt more is beside the champion, and what the reviewer made of it."""
    one = found.challenger
    became = "it took over" if one["decision"] == "approve" else "it was kept, and the champion went on"
    return (
        f"run {one['run_id']}: {one['rows']:,} rows that were mature on {found.challenged_at[:10]}. "
        f"On {one['compared_rows']:,} later decisions of the champion: {one['words']} {figure(one['challenger'])} "
        f"in place of {figure(one['champion'])}, difference {one['difference']:+.3f} ({interval(one['interval'])}), "
        f"so {became}"
    )


def _how_good(found: Figures) -> Render:
    def render(console: Console) -> None:
        every = [*found.performance, {**found.performance_pooled, "campaign": "all"}]
        content = [(one["campaign"], *figures(one, Binary)) for one in every]
        rows(("campaign", *columns(Binary)), content, title="\nHow good the delivered predictions were")(console)
        console.print(_verdict(found.performance_pooled), markup=False)
        immature = sum(one["decisions"] for one in found.performance if not one["rows"])
        if immature:
            console.print(
                f"{immature:,} decisions of campaigns that end after the data does are scored, but never judged.\n",
                style="dim",
            )

    return render


def _verdict(pooled: Mapping[str, Any]) -> str:
    """What the pooled figures say, whatever they are."""
    if pooled["auc"] is None:
        return "There is nothing to judge yet."
    ranking = "ranks households better than" if _above(pooled) else "is not clearly better at ranking than"
    better = pooled["log_loss"] < pooled["prior_log_loss"]
    calibration = "are closer to what happened than" if better else "are no closer to what happened than"
    rate = percent(pooled["positives"] / pooled["rows"])
    return (
        f"Over {pooled['rows']:,} mature decisions ({rate} redeemed) the model {ranking} the one-feature rule "
        f"(AUC {figure(pooled['auc'])}, {interval(pooled['auc_interval'])}, rule {figure(pooled['baseline_auc'])}); "
        f"its probabilities {calibration} the training rate for everyone "
        f"(log loss {pooled['log_loss']:.4f} against {pooled['prior_log_loss']:.4f}). Interval: bootstrap by household."
    )


def _above(pooled: Mapping[str, Any]) -> bool:
    """The rule's AUC lies below the whole interval."""
    rule, bounds = pooled["baseline_auc"], pooled["auc_interval"]
    return rule is not None and bounds is not None and bounds[0] > rule


def _what_next(console: Console, state: Path) -> None:
    console.print("\n[bold]What to try next[/bold]")
    for arguments, purpose in NEXT:
        console.print(f"  [bold]{program()} {arguments}[/bold]\n      {purpose}")
    console.print(f"\nAll figures: {state / 'demo.json'}", style="dim", markup=False, soft_wrap=True)
