"""The HTTP API: who may call which route. Machines sign with IAM; people may bring a token, by a setting."""

from __future__ import annotations

import json
import re

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from assembly_line.names import PEOPLE
from stacks.constructs.access.consumer_access import ConsumerAccess
from stacks.constructs.access.grants import arn_for
from stacks.constructs.access.people import People
from stacks.constructs.access.permissions import Permission
from stacks.constructs.alarms import FIVE_MINUTES
from stacks.constructs.log_group import log_group
from stacks.constructs.station_function import StationFunction
from stacks.foundation import FoundationStack
from stacks.settings import Settings

_ANY = "There is one stage; the path holds the line and the run, which are made at run time"
# No principal and no path parameter beyond what the route says.
_LOGGED = ("requestId", "requestTime", "routeKey", "status", "responseLength", "integrationLatency", "authorizer.error")


def _tokens(settings: Settings) -> authorizers.HttpJwtAuthorizer | None:
    """Who vouches for people who bring a token; None where the environment names nobody."""
    if settings.people_issuer is None or settings.people_audience is None:
        return None
    return authorizers.HttpJwtAuthorizer("People", settings.people_issuer, jwt_audience=[settings.people_audience])


class LineApi(Construct):
    """Exposes `url`. Throttled, and its accesses logged.

    Args:
        function: answers all routes but those of decisions.
        decisions: answers those.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        function: StationFunction,
        decisions: StationFunction,
        settings: Settings,
        foundation: FoundationStack,
    ) -> None:
        super().__init__(scope, id_)
        self._api = apigateway.HttpApi(
            self,
            "Api",
            description="Decisions, feedback, datasets, training runs, reviews and features of the assembly line",
            create_default_stage=False,
            default_authorizer=authorizers.HttpIamAuthorizer(),
        )
        self._integration = integrations.HttpLambdaIntegration("Function", function.function)
        self._decisions = integrations.HttpLambdaIntegration("Decisions", decisions.function)
        self._tokens = _tokens(settings)
        self._stage(settings, log_group(self, "Log", settings=settings, key=foundation.key, vended="apigateway"))
        self.url = self._api.api_endpoint
        foundation.alarms.when(
            self,
            "Errors",
            metric=self._api.metric_server_error(period=FIVE_MINUTES, statistic="Sum"),
            description="The API could not answer a request: a service behind it failed, or its function did",
        )
        people = foundation.people
        self._decider = people.decider
        self._decision_routes(people)
        review = "/lines/{line}/runs/{run_id}/review"
        self._route("SendFeedback", apigateway.HttpMethod.POST, "/feedback", people.decider)
        datasets, run = "/lines/{line}/datasets", "/lines/{line}/datasets/runs/{run_id}"
        self._route("AskForDataset", apigateway.HttpMethod.POST, datasets, people.scientist)
        self._route("ReadDataset", apigateway.HttpMethod.GET, f"{datasets}/{{dataset_id}}", people.scientist)
        self._route("ReadDatasetRun", apigateway.HttpMethod.GET, run, people.scientist)
        self._route("CancelDatasetRun", apigateway.HttpMethod.DELETE, run, people.scientist)
        self._route("StartRun", apigateway.HttpMethod.POST, "/lines/{line}/runs", people.scientist)
        features = "/lines/{line}/features"
        self._route("Features", apigateway.HttpMethod.POST, features, people.scientist, people.decider)
        application = ConsumerAccess(self, "FeaturesReader", description="Ask the assembly line for online features")
        asking = self._arn(apigateway.HttpMethod.POST, features)
        application.allow(("execute-api:Invoke",), (asking,), because=_ANY)
        self._route("ReadReview", apigateway.HttpMethod.GET, review, people.scientist, people.reviewer)
        self._route("RollBack", apigateway.HttpMethod.POST, "/lines/{line}/champion", people.reviewer)
        self._route("Review", apigateway.HttpMethod.POST, review, people.reviewer)

    def decisions_of(self, line: str, *, user: Stack) -> tuple[str, ...]:
        """ARNs of the routes by which an application asks for decisions of a line, as the stack `user` writes them."""
        api = arn_for(user, self._api, self._api.api_id)
        asking = f"lines/{line}/decisions"
        called = (f"POST/{asking}", f"GET/{asking}", f"GET/{asking}/*")
        return tuple(user.format_arn(service="execute-api", resource=f"{api}/*/{route}") for route in called)

    def _route(
        self,
        id_: str,
        method: apigateway.HttpMethod,
        path: str,
        *callers: iam.Role,
        integration: integrations.HttpLambdaIntegration | None = None,
    ) -> None:
        """Add a route that these roles may call, and nobody else. People may call those of deciders with a token."""
        serves = integration or self._integration
        self._api.add_routes(path=path, methods=[method], integration=serves)
        Permission(self, id_, *callers).allow(("execute-api:Invoke",), (self._arn(method, path),), because=_ANY)
        if self._tokens is not None and self._decider in callers:
            self._api.add_routes(path=f"{PEOPLE}{path}", methods=[method], integration=serves, authorizer=self._tokens)

    def _decision_routes(self, people: People) -> None:
        decisions = "/lines/{line}/decisions"
        for id_, method, path in (
            ("Decide", apigateway.HttpMethod.POST, decisions),
            ("LatestDecision", apigateway.HttpMethod.GET, decisions),
            ("ReadDecision", apigateway.HttpMethod.GET, f"{decisions}/{{decision_id}}"),
        ):
            self._route(id_, method, path, people.decider, integration=self._decisions)

    def _arn(self, method: apigateway.HttpMethod, path: str) -> str:
        called = re.sub(r"\{\w+\}", "*", path)
        return Stack.of(self).format_arn(service="execute-api", resource=f"{self._api.api_id}/*/{method.value}{called}")

    def _stage(self, settings: Settings, log: logs.LogGroup) -> None:
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self._api,
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=settings.api_requests_per_second, burst_limit=settings.api_burst
            ),
        )
        resource = stage.node.default_child
        assert isinstance(resource, apigateway.CfnStage)  # noqa: S101 - narrows a type that CDK does not declare
        # Set here because CDK's own class for the format lives in the REST APIs' module, which nothing else needs.
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn, format=json.dumps({field: f"$context.{field}" for field in _LOGGED})
        )
