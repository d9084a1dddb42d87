"""What a machine's role needs to run isolated SageMaker jobs under the lines' own roles, and nothing beyond."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from assembly_line.names import ENVIRONMENT_TAG, line_resource
from stacks.constructs.access.grants import allow
from stacks.constructs.machine import watch_with

_JOBS = "Jobs and models get their names when a run starts"
_LINES = (
    "Every line has a job role, a topic and a model package group of this naming; a line comes without a change here"
)
_ISOLATED = {"Bool": {"sagemaker:NetworkIsolation": "true"}}


def run_training_jobs(role: iam.Role, *, environment: str) -> None:
    """Create isolated training jobs and models; describe the jobs, and stop the environment's own."""
    asked, own = _asked(environment), _own(environment)
    jobs, models = _arn(role, "training-job/*"), _arn(role, "model/*")
    creating = (("sagemaker:CreateTrainingJob",), (jobs,)), (("sagemaker:CreateModel",), (models,))
    for actions, resources in creating:
        allow(role, actions, resources, because=_JOBS, conditions={**_ISOLATED, **asked})
    allow(role, ("sagemaker:AddTags",), (jobs, models), because=_JOBS, conditions=asked)
    allow(role, ("sagemaker:DescribeTrainingJob",), (jobs,), because=_JOBS)
    allow(role, ("sagemaker:StopTrainingJob",), (jobs,), because=_JOBS, conditions=own)
    watch_with(role, _rule(role, "StepFunctionsGetEventsForSageMakerTrainingJobsRule"))


def run_tuning_jobs(role: iam.Role, *, environment: str) -> None:
    """Create searches whose trials are isolated; describe them, and stop the environment's own."""
    asked, jobs = _asked(environment), (_arn(role, "hyper-parameter-tuning-job/*"),)
    creating = ("sagemaker:CreateHyperParameterTuningJob",)
    allow(role, creating, jobs, because=_JOBS, conditions={**_ISOLATED, **asked})
    allow(role, ("sagemaker:AddTags",), jobs, because=_JOBS, conditions=asked)
    allow(role, ("sagemaker:DescribeHyperParameterTuningJob",), jobs, because=_JOBS)
    allow(role, ("sagemaker:StopHyperParameterTuningJob",), jobs, because=_JOBS, conditions=_own(environment))
    watch_with(role, _rule(role, "StepFunctionsGetEventsForSageMakerTuningJobsRule"))


def list_trials(role: iam.Role) -> None:
    """Read what the trials of a search reported."""
    jobs = (_arn(role, "hyper-parameter-tuning-job/*"),)
    allow(role, ("sagemaker:ListTrainingJobsForHyperParameterTuningJob",), jobs, because=_JOBS)


def run_transform_jobs(role: iam.Role, *, environment: str) -> None:
    """Create transform jobs of the models there are; describe them, and stop the environment's own."""
    jobs = (_arn(role, "transform-job/*"),)
    creating = ("sagemaker:AddTags", "sagemaker:CreateTransformJob")
    allow(role, creating, jobs, because=_JOBS, conditions=_asked(environment))
    allow(role, ("sagemaker:DescribeTransformJob",), jobs, because=_JOBS)
    allow(role, ("sagemaker:StopTransformJob",), jobs, because=_JOBS, conditions=_own(environment))
    watch_with(role, _rule(role, "StepFunctionsGetEventsForSageMakerTransformJobsRule"))


def discard_models(role: iam.Role, *, environment: str) -> None:
    """Delete models of the environment that nothing asks any more."""
    models = (_arn(role, "model/*"),)
    allow(role, ("sagemaker:DeleteModel",), models, because=_JOBS, conditions=_own(environment))


def look_at_jobs(role: iam.Role) -> None:
    """Describe jobs and models."""
    described = {
        "DescribeTrainingJob": "training-job",
        "DescribeHyperParameterTuningJob": "hyper-parameter-tuning-job",
        "DescribeTransformJob": "transform-job",
        "DescribeModel": "model",
    }
    for action, kind in described.items():
        allow(role, (f"sagemaker:{action}",), (_arn(role, f"{kind}/*"),), because=_JOBS)


def list_paid_jobs(role: iam.Role) -> None:
    """See how long the jobs of runs were paid for."""
    listing = ("sagemaker:ListTrainingJobs", "sagemaker:ListTransformJobs")
    allow(role, listing, ("*",), because="SageMaker's listings know no resource")
    for action, kind in (("DescribeTrainingJob", "training-job"), ("DescribeTransformJob", "transform-job")):
        allow(role, (f"sagemaker:{action}",), (_arn(role, f"{kind}/*"),), because=_JOBS)


def pass_job_roles(role: iam.Role, *, environment: str) -> None:
    """Hand SageMaker the role of a line's jobs; no other role, and no other service."""
    allow(
        role,
        ("iam:PassRole",),
        (Stack.of(role).format_arn(service="iam", region="", resource=f"role/{_any_line(environment)}-jobs"),),
        because=_LINES,
        conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )


def encrypt_volumes(role: iam.Role, key: kms.IKey) -> None:
    """Let SageMaker attach the encrypted volume of a job."""
    allow(role, ("kms:DescribeKey",), (key.key_arn,))
    allow(role, ("kms:CreateGrant",), (key.key_arn,), conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}})


def use_model_packages(role: iam.Role, *actions: str, environment: str) -> None:
    """Registry actions on the lines' model package groups and the packages in them."""
    groups = _arn(role, f"model-package-group/{_any_line(environment)}")
    packages = _arn(role, f"model-package/{_any_line(environment)}/*")
    allow(role, actions, (groups, packages), because=_LINES)


def make_model_groups(role: iam.Role, *, environment: str) -> None:
    """Make the group of a line that registers its first model."""
    groups = _arn(role, f"model-package-group/{_any_line(environment)}")
    allow(role, ("sagemaker:CreateModelPackageGroup",), (groups,), because=_LINES)


def list_model_packages(role: iam.Role) -> None:
    """Look for the package that a repeated step registered already."""
    allow(role, ("sagemaker:ListModelPackages",), ("*",), because="SageMaker's listings know no resource")


def publish_to_topics(role: iam.Role, *, environment: str) -> None:
    """Publish to the lines' topics."""
    topics = Stack.of(role).format_arn(service="sns", resource=_any_line(environment))
    allow(role, ("sns:Publish",), (topics,), because=_LINES)


def _asked(environment: str) -> dict[str, Any]:
    """The request gives the job the tag of this environment: what has another tag, or none, is of somebody else."""
    return {"StringEquals": {f"aws:RequestTag/{ENVIRONMENT_TAG}": environment}}


def _own(environment: str) -> dict[str, Any]:
    return {"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT_TAG}": environment}}


def _any_line(environment: str) -> str:
    return line_resource(environment, "x").removesuffix("x") + "*"


def _arn(role: iam.Role, resource: str) -> str:
    return Stack.of(role).format_arn(service="sagemaker", resource=resource)


def _rule(role: iam.Role, name: str) -> str:
    return Stack.of(role).format_arn(service="events", resource=f"rule/{name}")
