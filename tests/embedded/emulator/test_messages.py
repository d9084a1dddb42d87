"""SNS from machines, who sent a message, and Athena's results."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import boto3
import duckdb
import pytest

from assembly_line.embedded.runtime import ACCOUNT, REGION
from tests.embedded.embedded_account import EmbeddedAccount, one_state, unique
from tests.waiting import eventually

INSTANT = "TIMESTAMPTZ '2017-01-02 00:00:00-05'"


@pytest.mark.parametrize("resource", ["sns:publish", "aws-sdk:sns:publish"])
def test_message_attributes_pass_a_filter_and_arrive(cloud: EmbeddedAccount, resource: str) -> None:
    sns = cloud.client("sns")
    topic = sns.create_topic(Name=unique())["TopicArn"]
    queue, arn = cloud.queue()
    policy = {"RawMessageDelivery": "true", "FilterPolicy": '{"line": ["coupons"]}'}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=policy)
    message = {"score": 0.25} if resource == "sns:publish" else '{"score": 0.25}'
    parameters = {
        "TopicArn": topic,
        "Message": message,
        "MessageAttributes": {"line": {"DataType": "String", "StringValue": "coupons"}},
    }

    end = cloud.run(one_state({"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters}))

    assert json.loads(end["output"])["MessageId"]
    received = cloud.receive(queue)[0]
    assert json.loads(received["Body"]) == {"score": 0.25}
    assert received["MessageAttributes"]["line"]["StringValue"] == "coupons"


def test_publishing_to_a_missing_topic_fails_by_the_services_name(cloud: EmbeddedAccount) -> None:
    parameters = {"TopicArn": "arn:aws:sns:us-east-1:000000000000:missing", "Message": "x"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": parameters}

    assert cloud.run(one_state(task))["error"] == "SNS.NotFoundException"


SENDING = "import boto3\ndef handle(e, c): boto3.client('sqs').send_message(QueueUrl=e['queue'], MessageBody='x')\n"
FORWARDING = """
import boto3
def handle(event, context):
    for record in event["Records"]:
        boto3.client("sqs").send_message(QueueUrl="ANSWERS", MessageBody=record["attributes"]["SenderId"])
"""


def test_sqs_names_the_role_and_the_session_of_a_sender(cloud: EmbeddedAccount) -> None:
    iam, name = cloud.client("iam"), unique()
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]
    function = cloud.function(SENDING, Role=role["Arn"])
    queue, _ = cloud.queue()

    cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"queue": queue}))
    cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    person = cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="anna")["Credentials"]
    keys = {
        "aws_access_key_id": person["AccessKeyId"],
        "aws_secret_access_key": person["SecretAccessKey"],
        "aws_session_token": person["SessionToken"],
    }
    as_person = boto3.client("sqs", endpoint_url=cloud.runtime.endpoint_url, region_name=REGION, **keys)
    as_person.send_message(QueueUrl=queue, MessageBody="x")

    senders = eventually(lambda: _senders(cloud, queue))
    assert senders == {f"{role['RoleId']}:{function}", f"{role['RoleId']}:anna", ACCOUNT}


def _senders(cloud: EmbeddedAccount, queue: str) -> set[str] | None:
    """The senders of the three messages, once all are there; they stay in the queue."""
    answer = cloud.client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageSystemAttributeNames=["SenderId"]
    )
    messages = answer.get("Messages", [])
    return {each["Attributes"]["SenderId"] for each in messages} if len(messages) == 3 else None


def test_a_function_that_consumes_a_queue_sees_who_sent(cloud: EmbeddedAccount) -> None:
    role = cloud.client("iam").create_role(RoleName=unique(), AssumeRolePolicyDocument="{}")["Role"]
    function = cloud.function(SENDING, Role=role["Arn"])
    queue, arn = cloud.queue()
    answers, _ = cloud.queue()
    forwarding = cloud.function(FORWARDING.replace("ANSWERS", answers))
    cloud.client("lambda").create_event_source_mapping(FunctionName=forwarding, EventSourceArn=arn)

    cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"queue": queue}))

    assert cloud.receive(answers)[0]["Body"] == f"{role['RoleId']}:{function}"


@pytest.mark.parametrize("location", ["results", "results/"])
def test_athena_writes_its_result_where_it_says(cloud: EmbeddedAccount, location: str) -> None:
    athena, s3, bucket = cloud.client("athena"), cloud.client("s3"), unique()
    s3.create_bucket(Bucket=bucket)
    query = athena.start_query_execution(
        QueryString="SELECT 1 AS one, 'a' AS letter",
        ResultConfiguration={"OutputLocation": f"s3://{bucket}/{location}"},
    )["QueryExecutionId"]

    def finished() -> dict[str, dict[str, str]] | None:
        execution: dict[str, dict[str, str]] = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        return execution if execution["Status"]["State"] == "SUCCEEDED" else None

    reported = eventually(finished)["ResultConfiguration"]["OutputLocation"]
    key = reported.removeprefix(f"s3://{bucket}/")
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert key == f"results/{query}.csv"
    assert list(csv.reader(body.splitlines())) == [["one", "letter"], ["1", "a"]]


def test_athena_reads_of_a_partitioned_table_what_the_catalog_lists(cloud: EmbeddedAccount, tmp_path: Path) -> None:
    """Not its manifest, and not a month that was replaced and is not removed yet; and its instants without a zone."""
    athena, s3, glue, bucket, database = (
        cloud.client("athena"),
        cloud.client("s3"),
        cloud.client("glue"),
        unique(),
        unique(),
    )
    s3.create_bucket(Bucket=bucket)
    location = f"s3://{bucket}/tables/spending/"
    for folder, spend in (("month=2017-01/old", 1), ("month=2017-01/new", 2), ("month=2017-02/new", 3)):
        duckdb.sql(f"COPY (SELECT {spend} AS spend, {INSTANT} AS as_of) TO '{tmp_path}/data.parquet'")
        s3.upload_file(f"{tmp_path}/data.parquet", bucket, f"tables/spending/{folder}/data.parquet")
    s3.put_object(Bucket=bucket, Key="tables/spending/manifest.json", Body=b"{}")
    glue.create_database(DatabaseInput={"Name": database})
    columns = [{"Name": "spend", "Type": "int"}, {"Name": "as_of", "Type": "timestamp"}]
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "spending",
            "Parameters": {"classification": "parquet"},
            "PartitionKeys": [{"Name": "month", "Type": "string"}],
            "StorageDescriptor": {"Columns": columns, "Location": location},
        },
    )
    parts = [
        {"Values": [month], "StorageDescriptor": {"Columns": columns, "Location": f"{location}month={month}/new"}}
        for month in ("2017-01", "2017-02")
    ]
    glue.batch_create_partition(DatabaseName=database, TableName="spending", PartitionInputList=parts)
    query = athena.start_query_execution(
        QueryString="SELECT month, spend, as_of FROM spending ORDER BY month",
        QueryExecutionContext={"Database": database},
        ResultConfiguration={"OutputLocation": f"s3://{bucket}/results/"},
    )["QueryExecutionId"]

    def ended() -> bool:
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        assert status["State"] != "FAILED", status
        return bool(status["State"] == "SUCCEEDED")

    eventually(ended)
    rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"][1:]
    found = [[cell["VarCharValue"] for cell in row["Data"]] for row in rows]
    assert [row[:2] for row in found] == [["2017-01", "2"], ["2017-02", "3"]]
    assert {row[2].removesuffix(".000") for row in found} == {"2017-01-02 05:00:00"}
