"""Lambda functions: the class of an error, what they log, and their measures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assembly_line.embedded.child_processes import BUNDLE_ONLY
from tests.embedded.embedded_account import EmbeddedAccount, one_state
from tests.waiting import eventually

EMF = """
import json, logging, time
logging.getLogger().setLevel("INFO")
def handle(event, context):
    logging.getLogger("station").info("rows were counted")
    metrics = [{"Name": "Rows", "Unit": "Count"}]
    directive = {"Namespace": event["namespace"], "Dimensions": [["Line"]], "Metrics": metrics}
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    print(json.dumps({"_aws": about, "Line": "coupons", "Rows": [3, 4]}))
"""


def invoke(cloud: EmbeddedAccount, name: str, event: object = None) -> tuple[bool, Any]:
    """Whether the function failed, and its answer."""
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}))
    return "FunctionError" in answer, json.loads(answer["Payload"].read())


def test_an_error_carries_its_class_and_a_machine_catches_it_by_name(cloud: EmbeddedAccount) -> None:
    name = cloud.function(
        "class RequestRefused(Exception): pass\ndef handle(e, c): raise RequestRefused('no line x')\n"
    )
    failed, error = invoke(cloud, name)
    assert failed
    assert (error["errorType"], error["errorMessage"]) == ("RequestRefused", "no line x")
    assert any("RequestRefused" in line for line in error["stackTrace"])

    catch = [{"ErrorEquals": ["RequestRefused"], "Next": "Caught"}]
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": name}}
    machine = {
        "StartAt": "Ask",
        "States": {"Ask": {**task, "Catch": catch, "End": True}, "Caught": {"Type": "Succeed"}},
    }
    end = cloud.run(machine)
    assert end["status"] == "SUCCEEDED"
    assert json.loads(json.loads(end["output"])["Cause"])["errorMessage"] == "no line x"


@pytest.mark.parametrize(
    ("source", "kind"),
    [("import nothing_of_this_name\n", "Runtime.ImportModuleError"), ("raise KeyError('TABLE')\n", "KeyError")],
)
def test_a_function_that_cannot_be_loaded_says_why(cloud: EmbeddedAccount, source: str, kind: str) -> None:
    failed, error = invoke(cloud, cloud.function(source))

    assert failed
    assert error["errorType"] == kind


def test_logging_reaches_the_log_group_and_embedded_metrics_become_metrics(cloud: EmbeddedAccount) -> None:
    name = cloud.function(EMF)
    failed, _ = invoke(cloud, name, {"namespace": name})
    assert not failed

    logs, cloudwatch = cloud.client("logs"), cloud.client("cloudwatch")
    messages = eventually(lambda: logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"])
    metric = eventually(lambda: cloudwatch.list_metrics(Namespace=name)["Metrics"])[0]
    assert any("rows were counted" in event["message"] for event in messages)
    assert (metric["MetricName"], metric["Dimensions"]) == ("Rows", [{"Name": "Line", "Value": "coupons"}])


def test_a_function_runs_in_utc_and_sees_nothing_of_the_users_environment(
    cloud: EmbeddedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = cloud.function("import os, time\ndef handle(e, c): return [time.tzname[0], sorted(os.environ)]\n")

    failed, (zone, variables) = invoke(cloud, name)

    assert not failed
    assert zone == "UTC"
    assert "AWS_ENDPOINT_URL_SAGEMAKER" in variables
    assert not {"PYTEST_CURRENT_TEST", "PYTEST_VERSION"} & set(variables)


def test_invoking_through_a_machine_returns_the_payload(cloud: EmbeddedAccount) -> None:
    name = cloud.function("def handle(event, context): return {'twice': event['n'] * 2}\n")
    parameters = {"FunctionName": name, "Payload": {"n.$": "$.n"}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters}

    assert json.loads(cloud.run(one_state(task), {"n": 4})["output"])["Payload"] == {"twice": 8}


def test_workers_find_their_code_compiled_and_tell_errors_by_its_own_lines(cloud: EmbeddedAccount) -> None:
    """Flag 1 is a compiled form that Python takes unchecked, and never writes itself."""
    name = cloud.function(
        "from pathlib import Path\n"
        "def handle(event, context):\n"
        "    if not event: raise ValueError('nothing')\n"
        "    return Path(__cached__).read_bytes()[4]\n"
    )

    assert invoke(cloud, name, {"a": 1}) == (False, 1)
    failed, error = invoke(cloud, name)
    assert failed
    assert any("if not event: raise ValueError('nothing')" in line for line in error["stackTrace"])


def test_functions_are_told_to_find_their_code_in_their_own_bundle(cloud: EmbeddedAccount) -> None:
    ((name, value),) = BUNDLE_ONLY.items()
    function = cloud.function(f"import os\ndef handle(event, context): return os.environ[{name!r}]\n")

    assert json.loads(cloud.client("lambda").invoke(FunctionName=function)["Payload"].read()) == value


def test_a_function_whose_bundle_lacks_the_library_does_not_find_it_elsewhere(cloud: EmbeddedAccount) -> None:
    function = cloud.function("import assembly_line\ndef handle(event, context): return 1\n")

    answer = json.loads(cloud.client("lambda").invoke(FunctionName=function)["Payload"].read())
    assert "No module named 'assembly_line'" in answer["errorMessage"]
