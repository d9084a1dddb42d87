"""What ships to the runtimes: the library and the handlers as one asset, third-party packages as one layer."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

REPOSITORY = Path(__file__).parents[2]
# Neither the command line nor the embedded AWS has a place in a Lambda or a Glue job.
_EXCLUDED = ("/*", "!/assembly_line", "/assembly_line/cli", "/assembly_line/embedded", "**/__pycache__", "*.pyc")
RUNTIME = lambda_.Runtime.PYTHON_3_14


def function_code() -> lambda_.AssetCode:
    """The library and the handlers. A new object for each stack, as CDK asks; the asset is the same."""
    excluded = [*_EXCLUDED, "!/lambdas"]
    return lambda_.Code.from_asset(str(REPOSITORY), exclude=excluded, ignore_mode=IgnoreMode.GIT)


def library_archive(scope: Construct, id_: str) -> assets.Asset:
    """The library as a zip on S3, for Glue's `--extra-py-files`."""
    return assets.Asset(scope, id_, path=str(REPOSITORY), exclude=list(_EXCLUDED), ignore_mode=IgnoreMode.GIT)


def dependency_layer(scope: Construct, id_: str, *, packages: Path) -> lambda_.LayerVersion:
    """The layer of third-party packages. One a stack: CloudFormation replaces no layer that other stacks import."""
    return lambda_.LayerVersion(
        scope,
        id_,
        code=lambda_.Code.from_asset(str(packages)),
        compatible_runtimes=[RUNTIME],
        description="Third-party packages of the assembly line's functions",
    )
