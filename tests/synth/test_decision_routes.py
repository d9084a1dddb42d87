"""A line's applications ask for its decisions alone; people with a token do where a setting says so."""

from __future__ import annotations

import re
import sys

import pytest

from assembly_line.errors import DeclarationError
from stacks.settings import Settings, load_settings
from tests.synth.cloud_assembly import ROOT, Assembly, run
from tests.synth.policies import identity_statements

ISSUER = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc"
TWO_LINES = f"""
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from aws_cdk import App
from assembly_line import DecideNow
from assembly_line.loader import load_line
from stacks.delivery import DeliveryStack
from stacks.features import FeaturesStack
from stacks.feedback import FeedbackStack
from stacks.foundation import Deployment, FoundationStack
from stacks.line import LineStack
from stacks.rules import apply_rules
from stacks.settings import load_settings
from stacks.training import TrainingStack

app = App()
layer = Path(sys.argv[1])
settings = replace(load_settings(Path("settings"), "dev"), people_issuer="{ISSUER}", people_audience="desk")
deployment = Deployment(environment="dev", settings=settings, layer=layer, serving_layer=layer, tracking_layer=layer)
foundation = FoundationStack(app, deployment)
features = FeaturesStack(app, foundation=foundation)
training = TrainingStack(app, foundation=foundation, features=features)
delivery = DeliveryStack(app, foundation=foundation, features=features)
feedback = FeedbackStack(app, foundation=foundation, features=features, training=training)
line = load_line(Path("lines"), "coupon_redemption").line
asked = replace(
    line,
    name="asked",
    policy=replace(line.policy, threshold_now=0.5),
    delivery=replace(line.delivery, decide_now=DecideNow(oldest=timedelta(hours=24))),
)
for one in (line, asked):
    stations = dict(features=features, training=training, delivery=delivery)
    LineStack(app, line=one, foundation=foundation, api=feedback.api, **stations)
apply_rules(app)
app.synth()
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, empty_layer: str) -> Assembly:
    folder = tmp_path_factory.mktemp("asked") / "cdk.out"
    return Assembly(folder, run([sys.executable, "-c", TWO_LINES, empty_layer], folder))


def test_an_application_asks_for_decisions_of_its_line_and_of_no_other(asked: Assembly) -> None:
    assert asked.process.returncode == 0, asked.process.stderr[-2000:]
    (caller,) = [one for one in identity_statements(asked) if "DecisionsCaller" in str(one)]
    assert set(caller.actions) == {"execute-api:Invoke"}
    assert {resource.partition("/*/")[2] for resource in caller.resources} == {
        "POST/lines/asked/decisions",
        "GET/lines/asked/decisions",
        "GET/lines/asked/decisions/*",
    }
    # Of this API alone, not of another environment's in the same account.
    assert all(not resource.split(":")[5].startswith("*") for resource in caller.resources)
    reaching = re.compile("|".join(re.escape(one.partition("/*/")[2]).replace(r"\*", ".*") for one in caller.resources))
    assert not reaching.fullmatch("POST/lines/coupon_redemption/decisions")


def test_people_with_a_token_call_what_deciders_call_and_nothing_else(asked: Assembly) -> None:
    routes = {one.properties["RouteKey"]: one.properties for one in asked.of_type("AWS::ApiGatewayV2::Route")}
    assert {route for route in routes if "/people/" in route} == {
        "POST /people/feedback",
        "POST /people/lines/{line}/features",
        "POST /people/lines/{line}/decisions",
        "GET /people/lines/{line}/decisions",
        "GET /people/lines/{line}/decisions/{decision_id}",
    }
    for route, properties in routes.items():
        assert properties["AuthorizationType"] == ("JWT" if "/people/" in route else "AWS_IAM"), route
    (authorizer,) = asked.of_type("AWS::ApiGatewayV2::Authorizer")
    assert authorizer.properties["JwtConfiguration"] == {"Audience": ["desk"], "Issuer": ISSUER}


def test_a_half_setting_for_people_and_an_address_without_https_are_refused() -> None:
    dev = load_settings(ROOT / "settings", "dev")
    given = {name: getattr(dev, name) for name in ("keep_data", "log_retention_days", "access_log_days", "sign_in")}
    for issuer, audience, said in ((ISSUER, None, "expected both, or none"), ("http://x.org", "desk", "https://")):
        with pytest.raises(DeclarationError, match=said):
            Settings(**given, batch_window_seconds=5, people_issuer=issuer, people_audience=audience)
