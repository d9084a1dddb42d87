"""The functions of the templates: they exist in the code, know what they need, and keep their own logs."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import fields

from assembly_line.stations import STATIONS
from tests.synth.cloud_assembly import Assembly

CONTRACTS = {package: contract for station in STATIONS for package, contract in station.contracts.items()}
# A cold handler of the embedded AWS costs a second and 200 MB.
MOST = 37


def test_every_handler_of_the_templates_is_a_function_of_the_code(assembly: Assembly) -> None:
    handlers = [function.properties["Handler"] for function in assembly.of_type("AWS::Lambda::Function")]
    assert len(handlers) == len(set(handlers)) <= MOST
    assert {handler.split(".")[1] for handler in handlers} == set(CONTRACTS)
    for handler in handlers:
        module, _, entry = handler.rpartition(".")
        assert callable(getattr(importlib.import_module(module), entry)), handler


def test_every_entry_point_of_the_code_is_deployed(assembly: Assembly) -> None:
    deployed = {function.properties["Handler"] for function in assembly.of_type("AWS::Lambda::Function")}
    for capability in CONTRACTS:
        module = importlib.import_module(f"lambdas.{capability}.handler")
        for name, value in inspect.getmembers(module, callable):
            parameters = list(inspect.signature(value).parameters) if inspect.isroutine(value) else []
            if parameters[:1] == ["event"] and len(parameters) == 2 and value.__module__ == module.__name__:
                assert f"lambdas.{capability}.handler.{name}" in deployed


def test_functions_receive_exactly_the_variables_of_their_contract(each_assembly: Assembly) -> None:
    for function in each_assembly.of_type("AWS::Lambda::Function"):
        contract = CONTRACTS[function.properties["Handler"].split(".")[1]]
        expected = {field.name.upper() for field in fields(contract)}
        assert set(function.properties["Environment"]["Variables"]) == expected, str(function)


def test_the_plan_knows_the_memory_of_the_function_that_builds(each_assembly: Assembly) -> None:
    functions = {
        function.properties["Handler"]: function.properties
        for function in each_assembly.of_type("AWS::Lambda::Function")
    }
    told = functions["lambdas.dataset.handler.plan"]["Environment"]["Variables"]["MEMORY_MIB"]
    assert int(told) == functions["lambdas.dataset.handler.build"]["MemorySize"] == 3008


def test_the_collector_believes_the_role_of_the_api_alone(each_assembly: Assembly) -> None:
    functions = {
        function.properties["Handler"]: function.properties
        for function in each_assembly.of_type("AWS::Lambda::Function")
    }
    believed = functions["lambdas.feedback_collector.handler.handle"]["Environment"]["Variables"]["API_ROLE_ID"]
    role = functions["lambdas.api.handler.handle"]["Role"]["Fn::GetAtt"][0]
    assert believed == {"Fn::GetAtt": [role, "RoleId"]}


def test_functions_run_the_newest_python_with_the_layer_and_without_tracers(each_assembly: Assembly) -> None:
    for function in each_assembly.of_type("AWS::Lambda::Function"):
        assert function.properties["Runtime"] == "python3.14"
        assert len(function.properties["Layers"]) == 1
        assert "TracingConfig" not in function.properties, str(function)
        assert function.properties["Timeout"] <= 900


def test_each_function_has_a_role_and_a_log_of_its_own(each_assembly: Assembly) -> None:
    functions = each_assembly.of_type("AWS::Lambda::Function")
    roles = {(function.stack, function.properties["Role"]["Fn::GetAtt"][0]) for function in functions}
    logs = {(function.stack, function.properties["LoggingConfig"]["LogGroup"]["Ref"]) for function in functions}
    assert len(roles) == len(logs) == len(functions)


def test_the_code_that_ships_holds_neither_the_command_line_nor_the_embedded_aws(assembly: Assembly) -> None:
    shipped = [folder for folder in assembly.folder.glob("asset.*") if (folder / "assembly_line").is_dir()]
    assert len(shipped) == 2
    for folder in shipped:
        assert {path.name for path in folder.iterdir()} <= {"assembly_line", "lambdas"}
        inside = {path.name for path in (folder / "assembly_line").iterdir()}
        assert {"names.py", "storage", "features"} <= inside
        assert not {"cli", "embedded"} & inside
        assert not list(folder.rglob("*.pyc"))
    assert sorted((folder / "lambdas").is_dir() for folder in shipped) == [False, True]
