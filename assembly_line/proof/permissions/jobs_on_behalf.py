"""What Step Functions, SageMaker and Glue do on our behalf for tasks and jobs, each row with its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assembly_line.proof.machines.tasks import Task, machines, states_of
from assembly_line.proof.permissions.evaluating import Request
from assembly_line.proof.permissions.on_behalf import Row, key_of, role
from assembly_line.proof.recording import Call
from assembly_line.proof.world import World

Requests = Iterator[Request]
# By the name of what a task creates: how its requests are told of it, and the rule that Step Functions watches with.
WATCHED = {
    "createTrainingJob": ("TrainingJob", "training-job", "StepFunctionsGetEventsForSageMakerTrainingJobsRule"),
    "createHyperParameterTuningJob": (
        "HyperParameterTuningJob",
        "hyper-parameter-tuning-job",
        "StepFunctionsGetEventsForSageMakerTuningJobsRule",
    ),
    "createTransformJob": ("TransformJob", "transform-job", "StepFunctionsGetEventsForSageMakerTransformJobsRule"),
}
# Where the jobs that a call starts write their log.
LOGGED = {
    "CreateTrainingJob": "TrainingJobs",
    "CreateHyperParameterTuningJob": "TrainingJobs",
    "CreateTransformJob": "TransformJobs",
}
CHILD_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
GRANTING = (("kms:GrantIsForAWSResource", ("true",)),)
TO_SAGEMAKER = (("iam:PassedToService", ("sagemaker.amazonaws.com",)),)


def _watching(world: World) -> Requests:
    """A task that waits for a job learns of its end by a rule, and may describe and stop it."""
    for task in _tasks(world):
        if not task.pattern.startswith(".sync"):
            continue
        principal = role(task.machine.role)
        if task.service == "sagemaker":
            yield from _rule(world, task, WATCHED[task.action][2])
        elif task.service == "states":
            machine = str(task.arguments["StateMachineArn"])
            execution = machine.replace(":stateMachine:", ":execution:") + ":x"
            yield Request(principal, "states:StartExecution", machine)
            for action in ("DescribeExecution", "StopExecution"):
                yield Request(principal, f"states:{action}", execution)
            yield from _rule(world, task, CHILD_RULE)
        elif task.service == "glue":
            job = world.place.fill("arn:{p}:glue:{r}:{a}:job/{n}", n=str(task.arguments["JobName"]))
            for action in ("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun"):
                yield Request(principal, f"glue:{action}", job)


def _mapping(world: World) -> Requests:
    """The items of a distributed map are executions of the machine itself."""
    for machine in machines(world):
        principal = role(machine.role)
        for _, state in states_of(machine.definition):
            if state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
                yield Request(principal, "states:StartExecution", machine.arn)
                items = machine.arn.replace(":stateMachine:", ":execution:") + f"/{state['Label']}:x"
                for action in ("DescribeExecution", "RedriveExecution", "StopExecution"):
                    yield Request(principal, f"states:{action}", items)


def _rule(world: World, task: Task, name: str) -> Requests:
    rule = world.place.fill("arn:{p}:events:{r}:{a}:rule/{n}", n=name)
    for action in ("PutTargets", "PutRule", "DescribeRule"):
        yield Request(role(task.machine.role), f"events:{action}", rule)


def _invoked(world: World) -> Requests:
    """Functions and buses that a definition names, executed or not."""
    for task in _tasks(world):
        principal = role(task.machine.role)
        if task.service == "lambda":
            yield Request(principal, "lambda:InvokeFunction", str(task.arguments["FunctionName"]))
        if task.service == "events":
            for entry in task.arguments["Entries"]:
                yield Request(principal, "events:PutEvents", str(entry["EventBusName"]))


def _tasks(world: World) -> Iterator[Task]:
    for machine in machines(world):
        yield from machine.tasks()


def _glue_jobs(world: World) -> Requests:
    for job in world.of_type("AWS::Glue::Job"):
        principal = role(world.text(job.properties["Role"], job.stack))
        given: Mapping[str, Any] = world.value(job.properties, job.stack)
        for uri in (given["Command"]["ScriptLocation"], given["DefaultArguments"].get("--extra-py-files", "")):
            if uri:
                yield Request(principal, "s3:GetObject", "arn:aws:s3:::" + uri.removeprefix("s3://"))
        group = world.place.fill(
            "arn:{p}:logs:{r}:{a}:log-group:/aws-glue/jobs/{s}-role/{n}/output",
            s=str(given["SecurityConfiguration"]),
            n=principal.name.rpartition("/")[2],
        )
        for action in ("CreateLogGroup", "AssociateKmsKey"):
            yield Request(principal, f"logs:{action}", group)
        for action in ("CreateLogStream", "PutLogEvents"):
            yield Request(principal, f"logs:{action}", f"{group}:log-stream:x")
        yield Request(principal, "cloudwatch:PutMetricData", "*", (("cloudwatch:namespace", ("Glue",)),))


TABLE = (
    Row(
        "Step Functions calls what a definition names", "Step Functions: IAM policies for integrated services", _invoked
    ),
    Row("Step Functions runs the items of a map", "Step Functions: IAM policies for Distributed Map", _mapping),
    Row("Step Functions watches what it started", "Step Functions: run a job (.sync), IAM policies", _watching),
    Row("Glue runs a job", "Glue: IAM role for a job; encrypting data written by Glue", _glue_jobs),
)
JOB_SOURCE = "SageMaker: roles, CreateTrainingJob and CreateModel API execution role permissions"


def of_sagemaker_call(call: Call, caller_role: str, world: World) -> Requests:
    """What a call that starts a job or makes a model entails, for its caller and for the job's own role."""
    given = call.parameters
    defined = given.get("TrainingJobDefinition", given)
    passed = defined.get("RoleArn") or defined.get("ExecutionRoleArn")
    principal = role(caller_role)
    if passed:
        yield Request(principal, "iam:PassRole", str(passed), TO_SAGEMAKER)
    watched = WATCHED.get(call.operation[0].lower() + call.operation[1:])
    if watched and call.state:
        kind, path, _ = watched
        job = world.place.fill("arn:{p}:sagemaker:{r}:{a}:{k}/{n}", k=path, n=str(given[f"{kind}Name"]))
        tags = tuple((f"aws:ResourceTag/{tag['Key']}", (str(tag["Value"]),)) for tag in given.get("Tags", []))
        for action in (f"Describe{kind}", f"Stop{kind}"):
            yield Request(principal, f"sagemaker:{action}", job, tags)
    resources = defined.get("ResourceConfig") or defined.get("TransformResources") or {}
    if key := resources.get("VolumeKmsKeyId"):
        yield Request(principal, "kms:CreateGrant", str(key), GRANTING)
        yield Request(principal, "kms:DescribeKey", str(key))


def of_job(call: Call, job_role: str, world: World) -> Requests:
    """What a job does under its own role: fetch channels, write its output, report, and take its image.

    Of a search, its trials do so, which have one definition.
    """
    given, principal = call.parameters.get("TrainingJobDefinition", call.parameters), role(job_role)
    for uri in _read(given):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        prefix = (("s3:prefix", (key,)),)
        yield Request(principal, "s3:ListBucket", f"arn:aws:s3:::{bucket}", prefix)
        name = key + "part" if key.endswith("/") else key
        yield Request(principal, "s3:GetObject", f"arn:aws:s3:::{bucket}/{name}")
        if protecting := key_of(world, f"arn:aws:s3:::{bucket}"):
            yield Request(principal, "kms:Decrypt", protecting)
    output = given.get("OutputDataConfig") or given.get("TransformOutput") or {}
    if target := output.get("S3OutputPath"):
        place = f"arn:aws:s3:::{str(target).removeprefix('s3://').rstrip('/')}/x"
        for action in ("PutObject", "AbortMultipartUpload"):
            yield Request(principal, f"s3:{action}", place)
        if encrypting := output.get("KmsKeyId"):
            for action in ("GenerateDataKey", "Decrypt"):
                yield Request(principal, f"kms:{action}", str(encrypting))
    if kept := given.get("CheckpointConfig", {}).get("S3Uri"):
        bucket, _, key = str(kept).removeprefix("s3://").partition("/")
        yield Request(principal, "s3:ListBucket", f"arn:aws:s3:::{bucket}", (("s3:prefix", (key,)),))
        for action in ("GetObject", "PutObject"):
            yield Request(principal, f"s3:{action}", f"arn:aws:s3:::{bucket}/{key.rstrip('/')}/x")
    volume = (given.get("ResourceConfig") or given.get("TransformResources") or {}).get("VolumeKmsKeyId")
    if volume:
        yield Request(principal, "kms:CreateGrant", str(volume), GRANTING)
    yield from _reported(call, job_role, world)


def _read(given: Mapping[str, Any]) -> Iterator[str]:
    for channel in given.get("InputDataConfig", []):
        yield str(channel["DataSource"]["S3DataSource"]["S3Uri"])
    if "TransformInput" in given:
        yield str(given["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
    if "PrimaryContainer" in given:
        yield str(given["PrimaryContainer"]["ModelDataUrl"])


def _reported(call: Call, job_role: str, world: World) -> Requests:
    principal = role(job_role)
    kind = LOGGED.get(call.operation)
    given = call.parameters.get("TrainingJobDefinition", call.parameters)
    if kind:
        group = world.place.fill("arn:{p}:logs:{r}:{a}:log-group:/aws/sagemaker/{k}", k=kind)
        for action in ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents"):
            yield Request(principal, f"logs:{action}", group if action == "CreateLogGroup" else f"{group}:log-stream:x")
        namespace = (("cloudwatch:namespace", (f"/aws/sagemaker/{kind}",)),)
        yield Request(principal, "cloudwatch:PutMetricData", "*", namespace)
    container = given.get("AlgorithmSpecification") or given.get("PrimaryContainer") or {}
    image = str(container.get("TrainingImage") or container.get("Image") or "")
    if image:
        account, name = image.partition(".")[0], image.partition("/")[2].partition("@")[0].partition(":")[0]
        repository = f"arn:aws:ecr:{world.place.region}:{account}:repository/{name}"
        for action in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"):
            yield Request(principal, f"ecr:{action}", repository)
        yield Request(principal, "ecr:GetAuthorizationToken", "*")
