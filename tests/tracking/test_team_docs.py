"""The compose file in the docs can be read, names its images by version, and the versions that passed the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, object]:
    text = (ROOT / "docs" / "team.md").read_text(encoding="utf-8")
    (block,) = [found for found in re.findall(r"```yaml\n(.*?)```", text, re.S) if found.startswith("services:")]
    return dict(yaml.safe_load(block))


def test_images_are_named_by_version(compose: dict[str, dict[str, dict[str, object]]]) -> None:
    images = {name: str(service["image"]) for name, service in compose["services"].items()}
    assert set(images) == {"database", "server"}
    for image in images.values():
        assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?(-slim)?", image), image


def test_the_server_does_not_report_to_the_makers_of_mlflow(compose: dict[str, dict[str, dict[str, object]]]) -> None:
    assert dict(compose["services"]["server"]["environment"])["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_volumes_and_services_that_are_used_are_there(compose: dict[str, dict[str, dict[str, object]]]) -> None:
    for service in compose["services"].values():
        for volume in service["volumes"]:
            assert str(volume).split(":")[0] in compose["volumes"]
        for other in service.get("depends_on", ()):
            assert other in compose["services"]
    assert compose["services"]["database"]["healthcheck"]


def test_versions_are_those_that_passed_the_tests(compose: dict[str, dict[str, dict[str, object]]]) -> None:
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line
    )
    command = " ".join(map(str, compose["services"]["server"]["command"]))
    assert f"mlflow=={pinned['mlflow']}" in command
    assert f"psycopg[binary]=={pinned['psycopg']}" in command
