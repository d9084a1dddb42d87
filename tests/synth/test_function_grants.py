"""No function is allowed a call that its code never makes, or data that it never touches."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from tests.synth.cloud_assembly import ROOT, Assembly, Resource
from tests.synth.policies import Statement, identity_statements

# Methods of boto3 by which an action is done, where its name is another.
METHODS = {
    "s3:GetObject": ("get_object", "download_file"),
    "s3:GetObjectVersion": ("get_object", "download_file"),
    # Without it S3 answers "forbidden" for an object that is not there.
    "s3:ListBucket": ("list_objects_v2", "get_object", "download_file"),
    "s3:PutObject": ("put_object", "upload_file"),
    "s3:AbortMultipartUpload": ("upload_file",),
    "s3:DeleteObjectVersion": ("delete_objects",),
    "s3:ListBucketVersions": ("list_object_versions",),
    "lambda:InvokeFunction": ("invoke",),
    "sns:Publish": ("publish_batch", "publish"),
    "sqs:SendMessage": ("send_message_batch",),
    "dynamodb:BatchWriteItem": ("batch_write_item", "batch_writer"),
}
ACCOUNT = ROOT / "assembly_line" / "storage" / "account.py"
# Asked for on the function's behalf: by its runtime, by the mapping of its queue, by services that decrypt.
# Glue asks for a partition's own update where a batch of them is updated.
ON_BEHALF = ("kms:", "logs:", "glue:UpdatePartition")
OF_THE_MAPPING = {
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
}
# handler -> data that it reads (r) or writes (w): buckets by prefix, tables.
DATA = {
    "api.handler.handle": "Store/datasets/:r Store/releases/:r Control:rw Champions:r Online:r",
    "attempts.handler.handle": "",
    "champions.handler.handle": "Control:r Champions:rw",
    "dataset.handler.build": "Lake/snapshots/:r Lake/sources/:r Store/datasets/:rw Store/releases/:r",
    "dataset.handler.finish": "Lake/sources/:r Store/datasets/:rw Store/releases/:r",
    "dataset.handler.plan": "Lake/snapshots/:r Store/datasets/:rw Store/releases/:r Control:r",
    "dataset.model_inputs.prepare_inputs": "Store/datasets/:rw",
    "dataset_request.handler.claim": "Store/datasets/:r Control:rw",
    "dataset_request.handler.explain": "Lake/snapshots/:r Store/datasets/:r Store/releases/:r Control:r",
    "decisions.handler.handle": (
        "Store/datasets/:r Store/releases/:r Store/runs/:r Ledger/ledger/:rw Ledger/tables/:r Control:r Champions:r "
        "Online:r"
    ),
    "event_recorder.handler.handle": "Ledger/station-events/:w",
    "expiry.handler.expire": "Store/releases/:r Store/runs/:r Store/scoring/:r Ledger/ledger/:r Control:rw Champions:r",
    "ledger.handler.compact": "Store/releases/:r Ledger/ledger/:r Ledger/tables/:rw Control:r",
    "feedback_collector.handler.handle": "Store/releases/:r Ledger/ledger/:w Control:r",
    "models.handler.ask": "Store/runs/:rw Store/scoring/:rw",
    "online.handler.publish": "Lake/snapshots/:r Lake/sources/:r Store/releases/:r Control:r Online:rw",
    "outcomes.handler.derive": ("Lake/snapshots/:r Lake/sources/:r Store/releases/:r Ledger/ledger/:rw Control:r"),
    "refresh.handler.look": "Champions:r Control:rw Store/datasets/:r Store/releases/:r",
    "review.handler.conclude": "Store/runs/:r Control:r",
    "review.handler.remind": "Control:rw",
    "review.handler.request": "Store/datasets/:r Store/releases/:r Store/runs/:r Control:rw Champions:r",
    "scoring.handler.begin": "Store/datasets/:r Store/releases/:r Control:r Champions:r",
    "scoring.handler.deliver": "Control:rw Ledger/ledger/:rw Store/deliveries/:rw Store/releases/:r Store/scoring/:rw",
    "scoring.handler.prepare": "Store/datasets/:r Store/releases/:r Store/runs/:r Store/scoring/:w",
    "scoring.handler.publish": "Store/datasets/:r Store/releases/:r Store/scoring/:rw Ledger/ledger/:w",
    "serving.handler.answer": "Store/runs/*/model/model.tar.gz:r",
    "slots.handler.look": "Lake/snapshots/:r Store/datasets/:r Store/releases/:r Control:rw Champions:r",
    "tracking.handler.handle": "Store/runs/:r Control:r Champions:r",
    "training.handler.begin": "Store/releases/:r Store/runs/:r Control:r",
    "training.handler.evaluate": "Champions:r Ledger/ledger/:r Store/releases/:r Store/runs/:rw",
    "training.handler.package": "Store/releases/:r Store/runs/:rw",
    "training.handler.prepare": "Store/datasets/:r Store/releases/:r Store/runs/:w",
}
# Of an account, only where a setting asks for it.
BY_SETTING = {"tracking.handler.handle"}
OWNERS = ("Lake", "Store", "Ledger", "Control", "Champions", "Online")
READS = {"s3:GetObject", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
WRITES = {"s3:PutObject", "dynamodb:PutItem", "dynamodb:BatchWriteItem"}


def test_no_function_is_allowed_a_call_that_its_code_never_makes(each_assembly: Assembly) -> None:
    unused = [
        (handler, action)
        for handler, statements in _by_handler(each_assembly).items()
        for action in sorted({action for each in statements for action in each.actions} - OF_THE_MAPPING)
        if not action.startswith(ON_BEHALF) and not _made(action, _code_of(f"lambdas.{handler.rpartition('.')[0]}"))
    ]
    assert unused == []


def test_each_function_touches_exactly_the_data_of_its_work(each_assembly: Assembly) -> None:
    found = {handler: " ".join(sorted(_data(statements))) for handler, statements in _by_handler(each_assembly).items()}
    asked = DATA if each_assembly.environment == "embedded" else DATA.keys() - BY_SETTING
    assert found == {handler: " ".join(sorted(DATA[handler].split())) for handler in asked}


@pytest.mark.parametrize("action", ["dynamodb:UpdateItem", "states:SendTaskFailure", "sagemaker:DescribeModelPackage"])
def test_a_call_that_is_made_nowhere_is_seen(action: str) -> None:
    assert not _made(action, _code_of("lambdas.api.handler"))


def _by_handler(assembly: Assembly) -> dict[str, list[Statement]]:
    handlers = {
        (function.stack, function.properties["Role"]["Fn::GetAtt"][0]): function.properties["Handler"]
        for function in assembly.of_type("AWS::Lambda::Function")
    }
    found: dict[str, list[Statement]] = defaultdict(list)
    for each in identity_statements(assembly):
        for handler in {handlers.get((each.owner.stack, role)) for role in _roles(each.owner)} - {None}:
            found[str(handler).removeprefix("lambdas.")].append(each)
    assert set(found) == {handler.removeprefix("lambdas.") for handler in handlers.values()}
    return found


def _roles(policy: Resource) -> list[str]:
    return [role.get("Ref", "") for role in policy.properties.get("Roles", [])]


def _data(statements: list[Statement]) -> set[str]:
    kinds: dict[str, set[str]] = defaultdict(set)
    for each in statements:
        for resource in each.resources:
            kind = {"r"} if READS & set(each.actions) else set()
            kind |= {"w"} if WRITES & set(each.actions) else set()
            if kind and (owner := re.search(rf"({'|'.join(OWNERS)})(?:Bucket|Table|[0-9A-F])", resource)):
                below = resource.rpartition(">")[2].rstrip("*")
                kinds[owner[1] + below] |= kind
    return {f"{data}:{''.join(sorted(kind))}" for data, kind in kinds.items()}


def _made(action: str, code: str) -> bool:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action.partition(":")[2]).lower()
    return any(re.search(rf'\.{method}\(|"{method}"', code) for method in METHODS.get(action, (name,)))


@cache
def _code_of(module: str) -> str:
    """The text of a module and of what it imports of the project; of an account the stores that are asked for."""
    seen: set[Path] = set()
    waiting = {module}
    code = ""
    while waiting:
        for path in _files(waiting.pop()) - seen:
            seen.add(path)
            if path != ACCOUNT:
                code += path.read_text(encoding="utf-8")
                waiting |= _imported(ast.parse(path.read_text(encoding="utf-8")))
        if not waiting and ACCOUNT in seen:
            waiting = {store for name, stores in _stores().items() if f".{name}" in code for store in stores}
            waiting = {store for store in waiting if _files(store) - seen}
    return code


@cache
def _stores() -> dict[str, set[str]]:
    """Property of an account -> modules of the stores that it makes, by way of other properties, too."""
    methods = {
        node.name: node for node in ast.walk(ast.parse(ACCOUNT.read_text())) if isinstance(node, ast.FunctionDef)
    }
    asked = {
        name: {each.attr for each in ast.walk(method) if isinstance(each, ast.Attribute) and each.attr in methods}
        for name, method in methods.items()
    }
    found = {name: _imported(method) for name, method in methods.items()}
    for _ in methods:
        found = {name: stores.union(*(found[each] for each in asked[name])) for name, stores in found.items()}
    return found


def _files(module: str) -> set[Path]:
    base = ROOT.joinpath(*module.split("."))
    return {path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()}


def _imported(code: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            homes = _face(node.module)
            found |= {node.module, *(homes.get(alias.name, f"{node.module}.{alias.name}") for alias in node.names)}
    return {name for name in found if name.startswith(("assembly_line", "lambdas"))}


@cache
def _face(package: str) -> dict[str, str]:
    """Name that a package offers -> the module that it is in."""
    listed = ROOT.joinpath(*package.split("."), "__init__.pyi")
    if not listed.is_file():
        return {}
    offered = re.findall(r"^from \.([\w.]+) import (\w+) as", listed.read_text(), re.M)
    whole = {name: f"{package}.{home}.{name}" for home, name in offered if _files(f"{package}.{home}.{name}")}
    return {name: f"{package}.{home}" for home, name in offered} | whole
