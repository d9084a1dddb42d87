"""What all routes share: who calls, what a body is, how errors are answered, and the OpenAPI document of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from botocore.exceptions import BotoCoreError, ClientError

from assembly_line.errors import AssemblyError, MalformedMessage
from assembly_line.names import PEOPLE
from lambdas.api.bodies import read_object
from lambdas.api.incoming import check_body, principal_of
from lambdas.api.responses import PROBLEM_JSON, no_route, refuse, unavailable

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="api", child=True)


class Application(APIGatewayHttpResolver):
    """The resolver of one function. Every error leaves as problem details.

    Args:
        routers: of its routes.
    """

    def __init__(self, *routers: APIGatewayHttpRouter) -> None:
        super().__init__(enable_validation=True, json_body_deserializer=read_object, strip_prefixes=[PEOPLE])
        for router in routers:
            self.include_router(router)
        self.exception_handler(AssemblyError)(self._refused)
        self.exception_handler(RequestValidationError)(self._invalid)
        self.exception_handler([ClientError, BotoCoreError])(self._unavailable)
        self.not_found(self._no_route)

    def answered(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """The answer to one request, whose body is taken for JSON, whatever its content type says."""
        try:
            principal_of(APIGatewayProxyEventV2(event))
            check_body(APIGatewayProxyEventV2(event))
        except AssemblyError as error:
            return _plain(self._refused(error))
        headers = {name: value for name, value in event.get("headers", {}).items() if name.lower() != "content-type"}
        return self.resolve({**event, "headers": {**headers, "content-type": "application/json"}}, context)

    def routes_offered(self) -> list[str]:
        """Each route as callers write it: `POST /lines/{line}/runs`."""
        return sorted(f"{route.method} {route.openapi_path}" for route in self._static_routes + self._dynamic_routes)

    def _refused(self, error: AssemblyError) -> Response[str]:
        logger.info("refused", extra={"error": type(error).__name__})
        return refuse(error)

    def _invalid(self, error: RequestValidationError) -> Response[str]:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        empty = not self.current_event.body and any(one["loc"][0] == "body" for one in error.errors())
        what = "body: is not strict JSON: it is empty; expected a JSON object" if empty else said
        return self._refused(MalformedMessage(what))

    def _unavailable(self, error: ClientError | BotoCoreError) -> Response[str]:
        what = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        logger.error("service failed", extra={"error": what})
        return unavailable(what)

    def _no_route(self, _error: NotFoundError) -> Response[str]:
        return no_route(self.current_event.http_method, self.current_event.path, self.routes_offered())


def _plain(response: Response[str]) -> dict[str, Any]:
    return {
        "statusCode": response.status_code,
        "body": response.body,
        "isBase64Encoded": False,
        "headers": {"Content-Type": PROBLEM_JSON},
        "cookies": [],
    }
