"""The CDK app: reads an environment's settings and the declared lines, and creates the stacks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent
# CDK runs on Node: take the one that was installed beside this interpreter, if the caller names no other.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))

from aws_cdk import App  # noqa: E402

from assembly_line.errors import AssemblyError  # noqa: E402
from assembly_line.loader import load_lines  # noqa: E402
from stacks.delivery import DeliveryStack  # noqa: E402
from stacks.features import FeaturesStack  # noqa: E402
from stacks.feedback import FeedbackStack  # noqa: E402
from stacks.foundation import Deployment, FoundationStack  # noqa: E402
from stacks.line import LineStack  # noqa: E402
from stacks.rules import apply_rules  # noqa: E402
from stacks.settings import load_settings  # noqa: E402
from stacks.station import StationStack  # noqa: E402
from stacks.studio import StudioStack  # noqa: E402
from stacks.throughput import ThroughputStack  # noqa: E402
from stacks.training import TrainingStack  # noqa: E402


def build(app: App) -> None:
    """Create every stack of the environment that the context names."""
    environment = app.node.try_get_context("environment") or "embedded"
    layer = app.node.try_get_context("layer")
    deployment = Deployment(
        environment=environment,
        settings=load_settings(ROOT / "settings", environment),
        layer=Path(layer or ROOT / ".tools" / "layer.zip"),
        serving_layer=Path(layer or ROOT / ".tools" / "serving.zip"),
        tracking_layer=Path(layer or ROOT / ".tools" / "tracking.zip"),
    )
    foundation = FoundationStack(app, deployment)
    features = FeaturesStack(app, foundation=foundation)
    training = TrainingStack(app, foundation=foundation, features=features)
    delivery = DeliveryStack(app, foundation=foundation, features=features)
    feedback = FeedbackStack(app, foundation=foundation, features=features, training=training)
    stations = [each for each in app.node.children if isinstance(each, StationStack)]
    measured = [each for each in stations if not each.station.measures]
    ThroughputStack(app, foundation=foundation, measured=measured)
    if deployment.settings.studio:
        StudioStack(app, foundation=foundation)
    for release in load_lines(Path(app.node.try_get_context("lines") or ROOT / "lines")).values():
        LineStack(
            app,
            line=release.line,
            foundation=foundation,
            features=features,
            training=training,
            delivery=delivery,
            api=feedback.api,
        )
    if app.node.try_get_context("nag"):
        apply_rules(app)


def main() -> int:
    """Synthesize. A wrong setting or declaration is said in one line, without a traceback."""
    app = App(
        analytics_reporting=False,
        tree_metadata=False,
        stack_traces=False,
        # Half of the time of a synthesis: the security rules' own synthesis validates the templates as well.
        builtin_cloud_formation_validation=False,
    )
    try:
        build(app)
    except AssemblyError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the CDK CLI shows what is printed
        return 1
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
