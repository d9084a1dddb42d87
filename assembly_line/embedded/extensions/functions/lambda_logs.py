"""What a Lambda logs: `logging` reaches CloudWatch Logs, and lines in Embedded Metric Format become metrics."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace
from assembly_line.errors import EmbeddedAwsError

logger = logging.getLogger("assembly_line.logs")

# As Lambda's own runtime does it: a handler on the root logger; its level stays WARNING until the function sets one.
ANCHOR = "    sys.stdout = sys.stderr\n"
ROOT_HANDLER = """
    import logging as _logging
    _root_handler = _logging.StreamHandler(sys.stderr)
    _root_handler.setFormatter(_logging.Formatter("[%(levelname)s]\\t%(asctime)s\\t%(name)s\\t%(message)s"))
    _logging.getLogger().addHandler(_root_handler)
"""


def install() -> None:
    runtime = ministack("core.lambda_runtime", "_PYTHON_WORKER_SCRIPT")
    script: str = runtime._PYTHON_WORKER_SCRIPT
    if script.count(ANCHOR) != 1:
        raise EmbeddedAwsError("ministack's Lambda worker begins in another way than expected")
    replace(runtime, "_PYTHON_WORKER_SCRIPT", script.replace(ANCHOR, ANCHOR + ROOT_HANDLER))
    _publish_embedded_metrics()


def _publish_embedded_metrics() -> None:
    lambdas = ministack("services.lambda_svc", "_emit_lambda_logs")
    stock = lambdas._emit_lambda_logs

    def emit(function: Any, request_id: str, text: str, *arguments: Any, **named: Any) -> Any:
        for line in (text or "").splitlines():
            if '"_aws"' in line:
                publish(line)
        return stock(function, request_id, text, *arguments, **named)

    replace(lambdas, "_emit_lambda_logs", emit)


def publish(line: str) -> None:
    """Store the metrics of one line. A line that only looks like the format is a log line and nothing else."""
    cloudwatch = ministack("services.cloudwatch", "_put_metric_data")
    try:
        document = json.loads(line[line.index("{") :])
        for directive in document["_aws"]["CloudWatchMetrics"]:
            cloudwatch._put_metric_data({}, _request(document, directive), False, True)
    except (ValueError, KeyError, TypeError) as error:
        logger.warning("a line of embedded metrics was ignored: %s: %s", type(error).__name__, error)


def _request(document: dict[str, Any], directive: dict[str, Any]) -> dict[str, Any]:
    instant = document["_aws"].get("Timestamp", time.time() * 1000) / 1000
    data = [
        {
            "MetricName": metric["Name"],
            "Unit": metric.get("Unit", "None"),
            "Timestamp": instant,
            "Dimensions": [{"Name": name, "Value": str(document[name])} for name in dimensions],
            **_values(document[metric["Name"]]),
        }
        for dimensions in directive.get("Dimensions") or [[]]
        for metric in directive["Metrics"]
    ]
    return {"Namespace": directive["Namespace"], "MetricData": data}


def _values(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"Values": [float(each) for each in value], "Counts": [1] * len(value)}
    return {"Value": float(value)}
