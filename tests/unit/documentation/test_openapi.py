"""The published OpenAPI document is that of the routes, and OpenAPI's own rules hold for it."""

from __future__ import annotations

import json

from openapi_spec_validator import OpenAPIV31SpecValidator

from tools.write_openapi import FILE, openapi
from tools.write_schemas import render


def test_the_file_is_the_one_that_the_routes_give() -> None:
    assert FILE.read_text(encoding="utf-8") == render(openapi()), "run `python -m tools.write_openapi`"


def test_it_is_openapi_3_1_and_every_route_has_a_name_and_answers_with_problem_details() -> None:
    document = json.loads(FILE.read_text(encoding="utf-8"))

    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1.")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert not operation["summary"].startswith(method.upper()), path
            assert "application/problem+json" in operation["responses"]["default"]["content"], path
            assert "422" not in operation["responses"], path
