"""Settings are typed and bounded; variables are explained."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from assembly_line.environments import Environment
from assembly_line.errors import DeclarationError
from stacks.settings import load_settings
from tests.synth.cloud_assembly import ROOT

DOCUMENTED = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
GOOD = """
keep_data = true
log_retention_days = 30
access_log_days = 30
sign_in = "iam_users"
batch_window_seconds = 5
"""

FEDERATION = GOOD.replace("iam_users", "federation")


@pytest.mark.parametrize("environment", sorted(path.stem for path in (ROOT / "settings").glob("*.toml")))
def test_every_settings_file_of_the_project_is_valid(environment: str) -> None:
    assert load_settings(ROOT / "settings", environment).log_retention_days > 0


def test_production_keeps_its_data_and_lets_nobody_choose_a_session_name() -> None:
    settings = load_settings(ROOT / "settings", "prod")
    assert settings.keep_data
    assert settings.sign_in != "unverified"


@pytest.mark.parametrize(("taken", "publishers"), [(20, 1), (300, 1), (501, 2), (9_000, 18), (30_000, 40)])
def test_as_many_functions_send_at_once_as_the_topics_keep_busy(tmp_path: Path, taken: int, publishers: int) -> None:
    (tmp_path / "x1.toml").write_text(f"{GOOD}topic_messages_per_second = {taken}\n", encoding="utf-8")
    settings = load_settings(tmp_path, "x1")
    assert settings.publishers == publishers
    # A shard leaves well within a function's fifteen minutes.
    assert settings.outbox_shard_messages / (taken / publishers) <= 600


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("keep_data = true", ""), "missing: keep_data"),
        (GOOD + 'retention = "long"', "unknown setting retention; there are keep_data"),
        (GOOD.replace("= 30", '= "30"', 1), "log_retention_days = '30': expected a whole number"),
        (GOOD.replace("= true", "= 1", 1), "keep_data = 1: expected true or false"),
        (GOOD.replace("= 30", "= 31", 1), "log_retention_days 31: expected one of 7, 14, 30"),
        (GOOD.replace("batch_window_seconds = 5", "batch_window_seconds = 0"), "batch_window_seconds 0: expected 1 to"),
        (GOOD + "account = 123456789012", "account = 123456789012: expected a text in quotes"),
        (GOOD.replace("iam_users", "sso"), "sign_in 'sso': expected one of iam_users, identity_center, federation"),
        (GOOD.replace("iam_users", "federation"), "federated_roles []: sign_in 'federation' expects at least one role"),
        (GOOD + 'federated_roles = ["Analysts"]', "federated_roles ['Analysts']: sign_in 'iam_users' expects none"),
        (FEDERATION + 'federated_roles = "Analysts"', "federated_roles = 'Analysts': expected a list of texts"),
        (FEDERATION + "federated_roles = [1]", "federated_roles = [1]: expected a list of texts in quotes"),
        (FEDERATION + 'federated_roles = ["*"]', "federated_roles '*': expected the name of a role"),
        (
            FEDERATION + 'federated_roles = ["arn:aws:iam::123456789012:role/A"]',
            "federated_roles 'arn:aws:iam::123456789012:role/A': expected the name of a role in the account",
        ),
        (GOOD + 'account = "1234"', "account '1234': expected twelve digits"),
        (GOOD + 'spark_worker_type = "X"', "spark_worker_type 'X': expected one of G_1X"),
        ("keep_data = ", "test.toml: Invalid value"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_and_what_was_expected(
    tmp_path: Path, text: str, expected: str
) -> None:
    (tmp_path / "test.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError) as refused:
        load_settings(tmp_path, "test")
    assert expected in str(refused.value)
    assert "test.toml" in str(refused.value)


def test_people_may_come_through_several_federated_roles(tmp_path: Path) -> None:
    given = FEDERATION + 'federated_roles = ["people/Analysts", "Reviewers"]'
    (tmp_path / "test.toml").write_text(given, encoding="utf-8")
    assert load_settings(tmp_path, "test").federated_roles == ("people/Analysts", "Reviewers")


@pytest.mark.parametrize("environment", ["Prod", "p", "prod.eu", "../prod", "a" * 17])
def test_a_name_that_is_not_an_environments_is_refused(environment: str) -> None:
    with pytest.raises(DeclarationError, match="expected 2 to 16 lower-case letters"):
        load_settings(ROOT / "settings", environment)


@pytest.mark.parametrize("contract", Environment.__subclasses__(), ids=lambda contract: contract.__name__)
def test_every_variable_is_documented(contract: type[Environment]) -> None:
    missing = {field.name.upper() for field in fields(contract) if f"| `{field.name.upper()}` |" not in DOCUMENTED}
    assert not missing
    assert f"`{contract.__name__}`" in DOCUMENTED


def test_a_name_that_another_environment_could_begin_with_is_refused() -> None:
    with pytest.raises(DeclarationError, match="'dev-eu': expected 2 to 16 lower-case letters or digits"):
        load_settings(ROOT / "settings", "dev-eu")
