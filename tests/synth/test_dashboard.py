"""A line's dashboard shows what somebody emits, and everything that the line pays for."""

from __future__ import annotations

import json
import re
from typing import Any

from assembly_line.doctor.costs import METRIC
from assembly_line.line_metrics import NAMESPACE, dimensions, metrics_of_a_line
from assembly_line.loader import load_line
from tests.synth.cloud_assembly import ROOT, Assembly

LINE = "coupon_redemption"
# Of AWS's own: what SNS and SQS count by themselves, for topics and queues of the line's stack.
BY_AWS = {
    "AWS/SNS": {"NumberOfMessagesPublished", "NumberOfNotificationsFailed"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
}


def shown(assembly: Assembly) -> list[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of every metric on the dashboard."""
    (board,) = assembly.of_type("AWS::CloudWatch::Dashboard")
    body = board.properties["DashboardBody"]
    # What is known at deployment alone stands in for itself.
    text = (
        body
        if isinstance(body, str)
        else "".join(each if isinstance(each, str) else "X" for each in body["Fn::Join"][1])
    )
    found = []
    for widget in json.loads(text)["widgets"]:
        for namespace, name, *rest in widget["properties"].get("metrics", ()):
            plain: list[Any] = [each for each in rest if not isinstance(each, dict)]
            found.append((namespace, name, dict(zip(plain[::2], plain[1::2], strict=True))))
    return found


def test_it_shows_exactly_the_metrics_that_functions_emit(each_assembly: Assembly) -> None:
    actions = load_line(ROOT / "lines", LINE).line.policy.actions
    own = [(name, by) for namespace, name, by in shown(each_assembly) if namespace == NAMESPACE]

    expected = [
        (metric.name, dimensions(each_assembly.environment, LINE, action))
        for metric, action in metrics_of_a_line(actions, due=False)
    ]
    assert sorted(own, key=str) == sorted(expected, key=str)


def test_what_it_shows_beside_is_counted_by_aws_itself(each_assembly: Assembly) -> None:
    beside = {(namespace, name) for namespace, name, _ in shown(each_assembly) if namespace != NAMESPACE}
    assert beside == {(namespace, name) for namespace, names in BY_AWS.items() for name in names}


def test_its_metrics_cost_what_the_readme_says() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    said = re.search(r"each line has (\d+) custom metrics\. Each costs (\d\.\d\d) USD .*? costs (\d\.\d\d) USD", readme)
    assert said

    count = len(metrics_of_a_line(("act", "otherwise"), due=False))
    assert (int(said[1]), float(said[2]), float(said[3])) == (count, METRIC, round(count * METRIC, 2))
