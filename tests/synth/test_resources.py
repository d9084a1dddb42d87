"""Every resource as it must be: encrypted, kept, watched, bounded, and of a type that can be deployed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template
from aws_cdk.aws_kms import Key

from assembly_line import Refresh, Retention, Review
from assembly_line.declarations.sagemaker.images import repositories
from assembly_line.embedded.extensions.cloudformation.created_types import created_types
from assembly_line.embedded.extensions.cloudformation.recorded_types import RECORDED
from assembly_line.loader import load_line
from assembly_line.names import (
    OnlineKey,
    Parameter,
    expire_function,
    job_role,
    line_resource,
    log_parameter,
    online_machine,
    parameter_name,
    refresh_function,
    slots_function,
    tables_machine,
)
from assembly_line.proof.deployment import limits, references
from assembly_line.proof.world import World
from assembly_line.stations import machines as registered_machines
from stacks.constructs.access.job_role import JobRole
from stacks.constructs.alarms import Alarms
from stacks.constructs.messaging.review_reminders import ReviewReminders
from stacks.constructs.schedules.moments import cron_of
from stacks.constructs.schedules.schedules import Schedules
from stacks.foundation import Deployment, FoundationStack
from stacks.settings import load_settings
from tests.synth.cloud_assembly import ROOT, Assembly, Resource
from tests.synth.policies import as_text, identity_statements, resource_statements

FOURTEEN_DAYS = 14 * 24 * 3600
SECRET = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN|(?i:password|secret|credential|api_?key|private_?key)")


def test_buckets_are_encrypted_versioned_private_logged_and_owned(each_assembly: Assembly) -> None:
    buckets = each_assembly.of_type("AWS::S3::Bucket")
    assert len(buckets) == 4
    for bucket in buckets:
        encryption = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
        algorithm = encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        is_log = bucket.id.startswith("AccessLogs")
        # S3 writes access logs into no bucket with a customer key.
        assert algorithm == ("AES256" if is_log else "aws:kms"), str(bucket)
        assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket.properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert bucket.properties["LifecycleConfiguration"]["Rules"]
        assert is_log or "LoggingConfiguration" in bucket.properties, str(bucket)


def test_data_outlives_its_stack_in_production_and_nowhere_else(assembly: Assembly, production: Assembly) -> None:
    kept = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup")
    for each, policy in ((assembly, "Delete"), (production, "Retain")):
        assert {resource.document["DeletionPolicy"] for type_ in kept for resource in each.of_type(type_)} == {policy}
    for table in production.of_type("AWS::DynamoDB::Table"):
        assert table.properties["DeletionProtectionEnabled"] is True


def test_nothing_outlives_its_stack_under_a_fixed_name(each_world: World) -> None:
    # It would stop the next deployment, which would try to make it again.
    assert [str(each) for each in references.kept_under_fixed_names(each_world)] == []


def test_a_stack_is_deployed_after_those_whose_things_it_names(each_world: World) -> None:
    assert [str(each) for each in references.names_without_dependency(each_world)] == []
    assert [str(each) for each in references.imports_without_dependency(each_world)] == []


def test_no_export_stands_in_the_way_of_a_second_deployment(each_world: World) -> None:
    assert [str(each) for each in references.exports_that_deadlock(each_world)] == []


def test_nothing_grows_without_an_end_or_beyond_a_fresh_account(each_world: World) -> None:
    found = [*limits.growing(each_world), *limits.too_long(each_world), *limits.quotas(each_world)]
    assert [str(each) for each in found] == []


def test_a_workgroup_goes_with_the_history_of_its_queries(each_assembly: Assembly) -> None:
    (workgroup,) = each_assembly.of_type("AWS::Athena::WorkGroup")
    assert workgroup.properties["RecursiveDeleteOption"] is True


def test_no_stack_holds_a_models_history_so_that_it_outlives_its_line(each_assembly: Assembly) -> None:
    assert "AWS::SageMaker::ModelPackageGroup" not in {each.type for each in each_assembly.resources}


def test_buckets_queues_and_topics_refuse_what_is_not_tls(each_assembly: Assembly) -> None:
    for type_, policy, owner in (
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket"),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics"),
    ):
        refusing = {
            (each.owner.stack, json.dumps(reference))
            for each in resource_statements(each_assembly, policy)
            if not each.allows and each.conditions == {"Bool": {"aws:SecureTransport": "false"}}
            for reference in _references(each.owner.properties[owner])
        }
        missing = [
            str(resource)
            for resource in each_assembly.of_type(type_)
            if (resource.stack, json.dumps({"Ref": resource.id})) not in refusing
        ]
        assert missing == [], type_


def test_tables_are_encrypted_and_can_go_back_in_time(each_assembly: Assembly) -> None:
    for table in each_assembly.of_type("AWS::DynamoDB::Table"):
        assert table.properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table.properties["SSESpecification"]["SSEType"] == "KMS"
        assert "KMSMasterKeyId" in table.properties["SSESpecification"]


def test_only_what_can_be_published_again_expires(each_assembly: Assembly) -> None:
    expiring = [
        (table.stack, table.properties["TimeToLiveSpecification"])
        for table in each_assembly.of_type("AWS::DynamoDB::Table")
        if "TimeToLiveSpecification" in table.properties
    ]
    assert expiring == [("Features", {"AttributeName": OnlineKey.EXPIRES, "Enabled": True})]


def scheduled(assembly: Assembly) -> list[Resource]:
    return [rule for rule in assembly.of_type("AWS::Events::Rule") if "ScheduleExpression" in rule.properties]


def test_tables_are_refreshed_when_the_line_says(each_assembly: Assembly) -> None:
    (rule,) = scheduled(each_assembly)
    (target,) = rule.properties["Targets"]
    assert (rule.stack, rule.properties["ScheduleExpression"]) == ("Line-coupon-redemption", "cron(0 5 * * ? *)")
    assert json.loads(target["Input"]) == {
        "line": "coupon_redemption",
        "tables": "spending_by_month,redemptions_by_week,household_week",
    }
    named = {
        each.properties.get("StateMachineName") for each in each_assembly.of_type("AWS::StepFunctions::StateMachine")
    }
    assert target["Arn"]["Fn::Join"][1][-1].removeprefix(":stateMachine:") in named
    # A laptop does not refresh tables by itself.
    assert rule.properties["State"] == ("DISABLED" if each_assembly.environment == "embedded" else "ENABLED")


def test_every_end_of_a_glue_job_can_alarm(each_assembly: Assembly) -> None:
    """Whatever starts a run by itself is a machine, whose failures have an alarm."""
    assert not [each for each in each_assembly.resources if each.type == "AWS::Glue::Trigger"]
    machines = {(each.stack, each.id) for each in each_assembly.of_type("AWS::StepFunctions::StateMachine")}
    alarmed: dict[str, set[tuple[str, str]]] = {"ExecutionsFailed": set(), "ExecutionsTimedOut": set()}
    for alarm in each_assembly.of_type("AWS::CloudWatch::Alarm"):
        if alarm.properties.get("MetricName") in alarmed:
            (dimension,) = alarm.properties["Dimensions"]
            alarmed[alarm.properties["MetricName"]].add((alarm.stack, dimension["Value"]["Ref"]))
    assert alarmed["ExecutionsFailed"] == alarmed["ExecutionsTimedOut"] == machines


@pytest.mark.parametrize(
    ("refresh", "schedule"),
    [
        ("daily at 23:05", "cron(5 23 * * ? *)"),
        ("weekly on sunday at 05:00", "cron(0 5 ? * 1 *)"),
        ("weekly on monday at 05:00", "cron(0 5 ? * 2 *)"),
        ("monthly on 28 at 05:00", "cron(0 5 28 * ? *)"),
    ],
)
def test_a_declared_refresh_is_a_schedule(refresh: str, schedule: str) -> None:
    assert cron_of(refresh) == schedule


def test_online_features_are_published_when_the_line_says(production: Assembly) -> None:
    line = load_line(ROOT / "lines", "coupon_redemption").line
    stack = Stack(App(), "Line")
    declared = replace(line, online_refresh="daily at 06:00", tables=())
    alarms = Alarms(stack, "Alarms", key=Key(stack, "Key"), email=None)
    Schedules(stack, "Schedules", line=declared, environment="prod", enabled=True, alarms=alarms)
    written = Template.from_stack(stack)
    (rule,) = written.find_resources("AWS::Events::Rule").values()
    (target,) = rule["Properties"]["Targets"]
    assert rule["Properties"]["ScheduleExpression"] == "cron(0 6 * * ? *)"
    assert json.loads(target["Input"]) == {"line": "coupon_redemption"}
    machines = production.of_type("AWS::StepFunctions::StateMachine")
    assert online_machine("prod") in {machine.properties.get("StateMachineName") for machine in machines}
    assert target["Arn"]["Fn::Join"][1][-1] == f":stateMachine:{online_machine('prod')}"
    (policy,) = written.find_resources("AWS::IAM::Policy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("states:StartExecution", target["Arn"])


def test_a_line_that_declares_a_retention_lets_old_runs_go_when_it_says(production: Assembly) -> None:
    line = load_line(ROOT / "lines", "coupon_redemption").line
    stack = Stack(App(), "Line")
    retention = Retention(older_than=timedelta(days=365), at="monthly on 3 at 02:30")
    declared = replace(line, training=replace(line.training, retention=retention), tables=())
    alarms = Alarms(stack, "Alarms", key=Key(stack, "Key"), email=None)
    Schedules(stack, "Schedules", line=declared, environment="prod", enabled=True, alarms=alarms)
    written = Template.from_stack(stack)
    (schedule,) = written.find_resources("AWS::Scheduler::Schedule").values()
    target = schedule["Properties"]["Target"]
    assert schedule["Properties"]["ScheduleExpression"] == "cron(30 2 3 * ? *)"
    assert json.loads(target["Input"]) == {"line": "coupon_redemption"}
    functions = production.of_type("AWS::Lambda::Function")
    assert expire_function("prod") in {function.properties.get("FunctionName") for function in functions}
    assert target["Arn"]["Fn::Join"][1][-1] == f":function:{expire_function('prod')}"


def test_one_function_alone_deletes_and_only_what_runs_left(each_assembly: Assembly) -> None:
    deleting = ("s3:DeleteObjectVersion", "sagemaker:DeleteModelPackage", "dynamodb:DeleteItem")
    found = [each for each in identity_statements(each_assembly) if set(deleting) & set(each.actions)]
    assert found
    assert [str(each) for each in found if "ExpireRole" not in str(each)] == []
    for each in found:
        endings = tuple(resource.rpartition(">")[2] for resource in each.resources)
        if "s3:DeleteObjectVersion" in each.actions:
            assert endings == ("/runs/*", "/scoring/*")
        assert "dynamodb:DeleteItem" not in each.actions


def test_a_line_that_reminds_has_a_topic_and_each_address_hears_what_it_is_to_hear() -> None:
    line = load_line(ROOT / "lines", "coupon_redemption").line
    review = Review(
        remind_after=timedelta(days=3),
        remind=("anna@example.com", "ben@example.com"),
        escalate_after=timedelta(days=7),
        escalate_to=("head@example.com",),
    )
    found = {}
    for declared in (line, replace(line, review=review)):
        stack = Stack(App(), "Line")
        ReviewReminders(stack, "Reviews", line=declared, environment="prod", key=Key(stack, "Key"))
        found[declared.review] = Template.from_stack(stack)
    assert found[line.review].find_resources("AWS::SNS::Topic") == {}
    (topic,) = found[review].find_resources("AWS::SNS::Topic").values()
    assert topic["Properties"]["TopicName"] == "assembly-line-prod-coupon-redemption_reviews"
    assert "KmsMasterKeyId" in topic["Properties"]
    told = [each["Properties"] for each in found[review].find_resources("AWS::SNS::Subscription").values()]
    assert [(each["Endpoint"], each["FilterPolicy"]["kind"]) for each in told] == [
        ("anna@example.com", ["reminder"]),
        ("ben@example.com", ["reminder"]),
        ("head@example.com", ["escalation"]),
    ]


def test_the_jobs_of_a_line_pull_its_own_image_and_no_other_of_its_account(tmp_path: Path) -> None:
    line = load_line(ROOT / "lines", "coupon_redemption").line
    own = f"210987654321.dkr.ecr.eu-west-1.amazonaws.com/team/churn@sha256:{'0' * 64}"
    declared = replace(line, training=replace(line.training, image=own, framework_version=None))
    (tmp_path / "python").mkdir()
    settings = load_settings(ROOT / "settings", "dev")
    deployment = Deployment(environment="dev", settings=settings, layer=tmp_path, serving_layer=tmp_path)
    app = App(context=json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"])
    foundation = FoundationStack(app, deployment)
    stack = Stack(app, "Line")
    JobRole(stack, "Jobs", line=declared, foundation=foundation)

    (policy,) = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    pulled = {
        as_text(resource).partition(":ecr:")[2]
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
        if "ecr:BatchGetImage" in each["Action"]
        for resource in each["Resource"]
    }
    assert {one for one in pulled if ":*:repository/" not in one} == {"eu-west-1:210987654321:repository/team/churn"}
    assert {one.rpartition("/")[2] for one in pulled} == {"churn", *repositories()}


def test_a_line_looks_when_it_says_whether_it_trains_again(production: Assembly) -> None:
    line = load_line(ROOT / "lines", "coupon_redemption").line
    stack = Stack(App(), "Line")
    declared = replace(line, refresh=Refresh(at="weekly on monday at 04:00"), tables=())
    alarms = Alarms(stack, "Alarms", key=Key(stack, "Key"), email=None)
    Schedules(stack, "Schedules", line=declared, environment="prod", enabled=True, alarms=alarms)
    written = Template.from_stack(stack)
    (schedule,) = written.find_resources("AWS::Scheduler::Schedule").values()
    target = schedule["Properties"]["Target"]
    assert (schedule["Properties"]["ScheduleExpression"], schedule["Properties"]["State"]) == (
        "cron(0 4 ? * 2 *)",
        "ENABLED",
    )
    assert json.loads(target["Input"]) == {"line": "coupon_redemption"}
    functions = production.of_type("AWS::Lambda::Function")
    assert refresh_function("prod") in {function.properties.get("FunctionName") for function in functions}
    assert target["Arn"]["Fn::Join"][1][-1] == f":function:{refresh_function('prod')}"
    (policy,) = written.find_resources("AWS::IAM::Policy").values()
    (errors,) = (one for one in written.find_resources("AWS::CloudWatch::Alarm").values() if "Errors" in str(one))
    assert errors["Properties"]["Dimensions"] == [{"Name": "FunctionName", "Value": refresh_function("prod")}]
    # The function looks for every line.
    assert "some line" in errors["Properties"]["AlarmDescription"]
    assert "coupon" not in errors["Properties"]["AlarmDescription"]
    invoke, keep = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (invoke["Action"], invoke["Resource"]) == ("lambda:InvokeFunction", target["Arn"])
    assert (keep["Action"], keep["Resource"]) == ("sqs:SendMessage", target["DeadLetterConfig"]["Arn"])


def test_queries_are_bounded_and_their_results_encrypted(each_assembly: Assembly) -> None:
    (workgroup,) = each_assembly.of_type("AWS::Athena::WorkGroup")
    configuration = workgroup.properties["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 10 * 2**30
    encryption = configuration["ResultConfiguration"]["EncryptionConfiguration"]
    assert encryption["EncryptionOption"] == "SSE_KMS"


def test_keys_rotate(each_assembly: Assembly) -> None:
    assert all(key.properties["EnableKeyRotation"] is True for key in each_assembly.of_type("AWS::KMS::Key"))


def test_topics_and_queues_are_encrypted(each_assembly: Assembly) -> None:
    for topic in each_assembly.of_type("AWS::SNS::Topic"):
        assert "KmsMasterKeyId" in topic.properties, str(topic)
    for queue in each_assembly.of_type("AWS::SQS::Queue"):
        # A customer key, but for the queues that EventBridge fills.
        own = "KmsMasterKeyId" in queue.properties
        of_rules = queue.stack == "Throughput" or queue.id.startswith(("SchedulesUndelivered", "Tracked"))
        assert own or (of_rules and queue.properties["SqsManagedSseEnabled"] is True), str(queue)


def test_every_queue_has_dead_letters_that_are_kept_and_watched(each_assembly: Assembly) -> None:
    queues = each_assembly.of_type("AWS::SQS::Queue")
    dead = _dead_letter_queues(each_assembly)
    for queue in queues:
        assert queue.properties["MessageRetentionPeriod"] == FOURTEEN_DAYS, str(queue)
        if (queue.stack, queue.id) in dead:
            assert "RedrivePolicy" not in queue.properties
        else:
            # Runs wait for MLflow, by half hours.
            tries = 480 if queue.id.startswith("TrackedRuns") else 5
            assert queue.properties["RedrivePolicy"]["maxReceiveCount"] == tries, str(queue)
    alarmed = {
        (alarm.stack, dimension["Value"]["Fn::GetAtt"][0])
        for alarm in each_assembly.of_type("AWS::CloudWatch::Alarm")
        for dimension in alarm.properties.get("Dimensions", [])
        if dimension["Name"] == "QueueName"
    }
    assert dead == alarmed


def test_every_alarm_tells_somebody(each_assembly: Assembly) -> None:
    for alarm in each_assembly.of_type("AWS::CloudWatch::Alarm"):
        assert "AlarmsTopic" in json.dumps(alarm.properties["AlarmActions"]), str(alarm)
        assert alarm.properties["AlarmDescription"]


def test_subscriptions_deliver_raw_and_keep_what_could_not_be_delivered(each_assembly: Assembly) -> None:
    for subscription in each_assembly.of_type("AWS::SNS::Subscription"):
        assert subscription.properties["RawMessageDelivery"] is True
        assert "deadLetterTargetArn" in subscription.properties["RedrivePolicy"], str(subscription)


def test_no_subscription_takes_a_probe_of_others_or_the_announcement_of_a_batch(each_assembly: Assembly) -> None:
    for subscription in each_assembly.of_type("AWS::SNS::Subscription"):
        assert subscription.properties["FilterPolicy"] == {
            "probe": [{"exists": False}, "campaign_desk"],
            "schema": [{"exists": False}, {"anything-but": ["assembly-line/batch"]}],
        }


def test_event_rules_keep_what_could_not_be_delivered(each_assembly: Assembly) -> None:
    for rule in each_assembly.of_type("AWS::Events::Rule"):
        assert all("DeadLetterConfig" in target for target in rule.properties["Targets"]), str(rule)


def test_consumers_answer_for_each_message_and_filter_none(each_assembly: Assembly) -> None:
    for mapping in each_assembly.of_type("AWS::Lambda::EventSourceMapping"):
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert "FilterCriteria" not in mapping.properties


def test_a_message_is_hidden_six_times_as_long_as_its_function_may_work(each_assembly: Assembly) -> None:
    for mapping in each_assembly.of_type("AWS::Lambda::EventSourceMapping"):
        function = each_assembly.resource(mapping.stack, mapping.properties["FunctionName"]["Ref"])
        queue = each_assembly.resource(mapping.stack, mapping.properties["EventSourceArn"]["Fn::GetAtt"][0])
        hidden = queue.properties["VisibilityTimeout"]
        gathering = mapping.properties["MaximumBatchingWindowInSeconds"]
        assert hidden >= 6 * function.properties["Timeout"] + gathering, str(queue)


def test_logs_end_and_are_encrypted(each_assembly: Assembly) -> None:
    for group in each_assembly.of_type("AWS::Logs::LogGroup"):
        assert group.properties["RetentionInDays"] >= 7, str(group)
        assert "KmsKeyId" in group.properties, str(group)


def test_logs_that_services_deliver_fill_no_policy_of_the_account(each_assembly: Assembly) -> None:
    """And their names are used once: what an earlier life of a stack left behind stops no deployment."""
    groups = {
        (each.stack, each.id): each.properties.get("LogGroupName")
        for each in each_assembly.of_type("AWS::Logs::LogGroup")
    }
    delivered = [
        (
            each.stack,
            as_text(
                each.properties["LoggingConfiguration"]["Destinations"][0]["CloudWatchLogsLogGroup"]["LogGroupArn"]
            ),
        )
        for each in each_assembly.of_type("AWS::StepFunctions::StateMachine")
    ]
    delivered += [
        (each.stack, as_text(each.properties["AccessLogSettings"]["DestinationArn"]))
        for each in each_assembly.of_type("AWS::ApiGatewayV2::Stage")
    ]
    for stack, arn in delivered:
        name = as_text(groups[stack, arn.strip("<>").partition(".")[0]])
        assert name.startswith("/aws/vendedlogs/"), name
        assert "AWS::StackId" in name, name
    vended = [name for name in groups.values() if name is not None]
    assert len(vended) == len(delivered) == 7


def test_the_api_asks_everybody_who_they_are(each_assembly: Assembly) -> None:
    routes = each_assembly.of_type("AWS::ApiGatewayV2::Route")
    assert {route.properties["RouteKey"] for route in routes} == {
        "POST /feedback",
        "POST /lines/{line}/datasets",
        "GET /lines/{line}/datasets/{dataset_id}",
        "GET /lines/{line}/datasets/runs/{run_id}",
        "DELETE /lines/{line}/datasets/runs/{run_id}",
        "POST /lines/{line}/runs",
        "POST /lines/{line}/features",
        "POST /lines/{line}/decisions",
        "GET /lines/{line}/decisions",
        "GET /lines/{line}/decisions/{decision_id}",
        "GET /lines/{line}/runs/{run_id}/review",
        "POST /lines/{line}/runs/{run_id}/review",
        "POST /lines/{line}/champion",
    }
    assert {route.properties["AuthorizationType"] for route in routes} == {"AWS_IAM"}
    (api,) = each_assembly.of_type("AWS::ApiGatewayV2::Api")
    assert "CorsConfiguration" not in api.properties


def test_the_api_is_throttled_and_logs_accesses_but_nobody(each_assembly: Assembly) -> None:
    (stage,) = each_assembly.of_type("AWS::ApiGatewayV2::Stage")
    settings = stage.properties["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] >= 1
    assert settings["ThrottlingBurstLimit"] >= 1
    logged = json.loads(stage.properties["AccessLogSettings"]["Format"])
    assert {"routeKey", "status"} <= set(logged)
    assert not [field for field in logged if re.search(r"user|caller|principal|path|sourceIp", field)]


def test_somebody_is_told_when_the_api_fails(each_assembly: Assembly) -> None:
    metrics = {alarm.properties["MetricName"] for alarm in each_assembly.of_type("AWS::CloudWatch::Alarm")}
    assert "5xx" in metrics


def test_glue_jobs_are_encrypted_and_bounded(each_assembly: Assembly) -> None:
    jobs = each_assembly.of_type("AWS::Glue::Job")
    securities = each_assembly.of_type("AWS::Glue::SecurityConfiguration")
    assert len(jobs) == len(securities) == 2
    for job in jobs:
        assert job.properties["GlueVersion"] == "6.0"
        assert "SecurityConfiguration" in job.properties
        assert job.properties["Timeout"] > 0
        assert job.properties["MaxRetries"] == 0
        assert job.properties["DefaultArguments"]["--extra-py-files"]
    for security in securities:
        assert set(security.properties["EncryptionConfiguration"]) == {
            "CloudWatchEncryption",
            "JobBookmarksEncryption",
            "S3Encryptions",
        }


def test_state_machines_log_everything_but_data_and_are_traced(each_assembly: Assembly) -> None:
    machines = each_assembly.of_type("AWS::StepFunctions::StateMachine")
    assert len(machines) == len(registered_machines())
    for machine in machines:
        logging = machine.properties["LoggingConfiguration"]
        assert logging["Level"] == "ALL"
        assert logging.get("IncludeExecutionData", False) is False
        assert machine.properties["TracingConfiguration"] == {"Enabled": True}
        assert machine.properties["StateMachineType"] == "STANDARD"


def test_every_machine_raises_an_alarm_when_a_run_fails_or_runs_out_of_time(each_assembly: Assembly) -> None:
    watched = {
        (alarm.stack, dimension["Value"]["Ref"], alarm.properties["MetricName"])
        for alarm in each_assembly.of_type("AWS::CloudWatch::Alarm")
        for dimension in alarm.properties.get("Dimensions", [])
        if dimension["Name"] == "StateMachineArn"
    }
    machines = each_assembly.of_type("AWS::StepFunctions::StateMachine")
    assert watched == {
        (machine.stack, machine.id, metric)
        for machine in machines
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut")
    }


def test_the_bus_is_open_to_nobody(each_assembly: Assembly) -> None:
    (bus,) = each_assembly.of_type("AWS::Events::EventBus")
    assert "Policy" not in bus.properties
    assert not [each for each in each_assembly.resources if each.type == "AWS::Events::EventBusPolicy"]


def test_nothing_holds_a_secret(each_assembly: Assembly) -> None:
    for function in each_assembly.of_type("AWS::Lambda::Function"):
        for name, value in function.properties["Environment"]["Variables"].items():
            assert not SECRET.search(name), f"{function}: {name}"
            assert not SECRET.search(as_text(value)), f"{function}: {name}"
    for stack, template in each_assembly.templates.items():
        assert not re.search(r"AKIA[0-9A-Z]{16}|-----BEGIN", json.dumps(template)), stack


def test_nothing_is_provisioned_by_a_custom_resource(each_assembly: Assembly) -> None:
    custom = [each for each in each_assembly.resources if each.type.startswith(("Custom::", "AWS::CloudFormation::"))]
    assert [str(each) for each in custom] == []


def test_the_embedded_aws_knows_every_type(assembly: Assembly) -> None:
    from ministack.services.cloudformation import provisioners

    known = set(provisioners._RESOURCE_HANDLERS) | set(created_types()) | set(RECORDED)
    assert {each.type for each in assembly.resources} <= known


def test_only_what_the_line_must_find_by_name_has_a_name(assembly: Assembly) -> None:
    line = line_resource("embedded", "coupon_redemption")
    named = {
        (each.type, value)
        for each in assembly.resources
        for property_, value in each.properties.items()
        if property_ in _NAMES.get(each.type, ()) and isinstance(value, str)
    }
    assert named == {
        ("AWS::SNS::Topic", line),
        ("AWS::IAM::Role", job_role("embedded", "coupon_redemption")),
        # A line's own schedules name them.
        ("AWS::Lambda::Function", expire_function("embedded")),
        ("AWS::Lambda::Function", refresh_function("embedded")),
        ("AWS::Lambda::Function", slots_function("embedded")),
        ("AWS::StepFunctions::StateMachine", online_machine("embedded")),
        ("AWS::StepFunctions::StateMachine", tables_machine("embedded")),
    }


def test_names_are_legal(each_assembly: Assembly) -> None:
    for each in each_assembly.resources:
        if each.type == "AWS::IAM::Role" and "RoleName" in each.properties:
            assert re.fullmatch(r"[\w+=,.@-]{1,64}", each.properties["RoleName"])
        if each.type == "AWS::SNS::Topic" and "TopicName" in each.properties:
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", each.properties["TopicName"])
        if each.type == "AWS::SSM::Parameter":
            assert re.fullmatch(r"(/[A-Za-z0-9_.-]+){1,15}", each.properties["Name"])
    for stack in each_assembly.templates:
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", f"AssemblyLine-embedded-{stack}")


def test_every_parameter_that_the_command_line_looks_up_is_published(assembly: Assembly) -> None:
    published = {each.properties["Name"] for each in assembly.of_type("AWS::SSM::Parameter")}
    machines = [machine.parameter for machine in registered_machines().values()]
    # Only an environment with the setting `mlflow` has an app.
    always = [parameter for parameter in Parameter if parameter is not Parameter.MLFLOW_APP]
    wanted = {parameter_name("embedded", parameter) for parameter in (*always, *machines)}
    subscribers = "/assembly-line/embedded/lines/coupon_redemption/subscribers/campaign_desk"
    handlers = [function.properties["Handler"] for function in assembly.of_type("AWS::Lambda::Function")]
    logs = {
        log_parameter("embedded", handler.removeprefix("lambdas.").replace(".handler.", ".")) for handler in handlers
    }
    assert published == wanted | logs | {f"{subscribers}/queue-url", f"{subscribers}/dead-letters-url"}


def test_a_line_can_go_because_nothing_refers_to_it(each_assembly: Assembly) -> None:
    for stack, template in each_assembly.templates.items():
        imported = set(re.findall(r'"Fn::ImportValue": "AssemblyLine-[a-z]+-([^:"]+):', json.dumps(template)))
        assert not {name for name in imported if name.startswith("Line-")}, stack
        if stack.startswith("Line-"):
            assert imported == {"Foundation"}
        assert stack != "Foundation" or not imported


_NAMES = {
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupName",),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::DynamoDB::Table": ("TableName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::StepFunctions::StateMachine": ("StateMachineName",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::KMS::Key": ("Alias",),
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::Glue::Job": ("JobName",),
}


def _dead_letter_queues(assembly: Assembly) -> set[tuple[str, str]]:
    """Queues that something names as where its failures go."""
    targets = [
        (each.stack, each.properties.get("RedrivePolicy", {}).get("deadLetterTargetArn")) for each in assembly.resources
    ]
    targets += [
        (rule.stack, target["DeadLetterConfig"]["Arn"])
        for rule in assembly.of_type("AWS::Events::Rule")
        for target in rule.properties["Targets"]
    ]
    return {(stack, arn["Fn::GetAtt"][0]) for stack, arn in targets if arn}


def _references(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
