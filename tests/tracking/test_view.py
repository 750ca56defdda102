"""The view of an experiment in MLflow's interface: its tag, and what Chromium shows."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from conftest import skip
from mlflow import MlflowClient
from mlflow.entities import ViewType

from digicarbon.__main__ import main
from digicarbon.tracking import SHARED, VIEW
from digicarbon.tracking import _view as view

CHOICES = {"model": ["fe", "sdm"], "weights": ["w1"], "model.effects": ["two_way", "time"], "seed:1": ["1", "2"]}


def state(tags: dict[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(tags[f"{SHARED}{VIEW}"])
    return content


def test_a_view_has_a_column_for_each_choice_that_varies_and_the_effect() -> None:
    content = state(view.tags(CHOICES))
    choices = ["params.`model`", "params.`model.effects`", "params.`seed_1`"]
    numbers = ["metrics.`focal.effect`", "metrics.`focal.effect.se`", "metrics.`focal.effect.p`"]
    assert content["selectedColumns"] == [*choices, *numbers, "tags.`digicarbon.sign`"]
    assert content["compareRunCharts"][0]["selectedParams"] == ["model", "model.effects", "seed_1"]


def test_a_view_fits_into_a_tag_however_many_choices_there_are() -> None:
    many = {f"model.{'x' * 80}{number}": ["1", "2"] for number in range(500)}
    assert len(view.tags(many)[f"{SHARED}{VIEW}"]) < 5000
    assert len(state(view.tags({"seed": [str(number) for number in range(50)]}))["compareRunCharts"]) == 2


def test_params_of_a_sweep_name_the_values_of_its_runs() -> None:
    assert view.params(CHOICES) == {
        "model": "fe | sdm",
        "weights": "w1",
        "model.effects": "two_way | time",
        "seed_1": "1 | 2",
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("view")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run", "table3_baseline"]) == 0
        yield folder


def test_a_sweep_says_what_it_is_and_what_came_out(store: Path) -> None:
    client = MlflowClient(tracking_uri=f"sqlite:///{store}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("table3_baseline")
    assert "params.`measure`" in state(experiment.tags)["selectedColumns"]
    runs = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ACTIVE_ONLY)
    (sweep,) = [run for run in runs if run.data.tags["digicarbon.kind"] == "sweep"]
    said = sweep.data.tags["mlflow.note.content"]
    assert "of 7 estimates of the effect of ln(Digital manufacturing)" in said
    assert "`digicarbon run table3_baseline`" in said
    (data,) = {one.dataset.name for one in sweep.inputs.dataset_inputs}
    assert data == "simulated_fe (30 units, 2012 to 2017)"
    assert "simulated_fe (30 units, 2012 to 2017)" in said
    assert sweep.data.params["measure"] == "sector1 | sector2 | ddl | bea"
    assert {"table.md", "table.csv"} <= {file.path for file in client.list_artifacts(sweep.info.run_id)}


def test_a_run_shows_its_table_and_what_its_data_are(store: Path) -> None:
    client = MlflowClient(tracking_uri=f"sqlite:///{store}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("table3_baseline")
    condition = "tags.`digicarbon.label` = 'FE(1)'"
    (run,) = client.search_runs([experiment.experiment_id], condition)
    numbers = run.data.metrics
    row = f"| ln_sector1 | {numbers['focal.coef']:.4g} | {numbers['focal.se']:.4g} | {numbers['focal.p']:.4f} |"
    assert row in run.data.tags["mlflow.note.content"]
    assert numbers["focal.effect.se"] == numbers["focal.se"]
    assert run.inputs.dataset_inputs[0].dataset.name == "simulated_fe (30 units, 2012 to 2017)"


NAMES = ("chromium", "chromium-browser", "google-chrome")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def interface(store: Path) -> Iterator[str]:
    """The address that `digicarbon ui` prints, once its server answers."""
    port = free_port()
    words = ["ui", "table3_baseline", "--port", str(port), "--workers", "1"]
    command = [sys.executable, "-m", "digicarbon", *words]
    with (store / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=store, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        # the address is there before the server's worker answers
        for _ in range(240):
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                break
            time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        # closes the pipe too
        server.communicate(timeout=60)


@pytest.fixture(scope="module")
def page(interface: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport={"width": 2600, "height": 1800})
        opened.set_default_timeout(240_000)
        opened.said = []
        opened.on("pageerror", lambda error: opened.said.append(str(error)))
        yield opened
        browser.close()


@pytest.mark.outside
def test_the_list_opens_with_choices_effect_and_sign(interface: str, page: Any) -> None:
    assert "workflowType=machine_learning" in interface
    assert f"viewStateShareKey={VIEW}" in interface
    page.goto(interface)
    for head in ("measure", "model.controls", "focal.effect", "focal.effect.se", "focal.effect.p", "digicarbon.sign"):
        page.locator(f"[role=columnheader]:has-text('{head}')").first.wait_for()
    page.get_by_text("FE(1)", exact=True).first.wait_for()
    assert page.get_by_text("Model training").first.is_visible()
    assert page.locator("[role=row]:has-text('FE(')").count() >= 7
    assert page.said == []


@pytest.mark.outside
def test_charts_draw_choices_against_effects(interface: str, page: Any) -> None:
    page.goto("about:blank")
    page.goto(f"{interface}&compareRunsMode=CHART")
    page.get_by_text(re.compile(view.CHOICES)).first.wait_for()
    page.locator(".js-plotly-plot .scatterlayer .point").first.wait_for()
    named = """names => {
      const texts = [...document.querySelectorAll('svg text')].map(one => one.textContent.trim());
      return names.every(name => texts.includes(name));
    }"""
    page.wait_for_function(named, arg=["column", "measure", "focal.effect"])
    assert page.said == []


@pytest.mark.outside
def test_a_filter_leaves_the_runs_that_it_asks_for(interface: str, page: Any) -> None:
    page.goto("about:blank")
    # in the order of a metric, as the view has it, MLflow does not fold runs below their sweep
    order = "orderByKey=metrics.%60focal.effect%60&orderByAsc=true"
    words = f"searchFilter=params.measure%20%3D%20'ddl'&{order}"
    page.goto(interface.replace(f"viewStateShareKey={VIEW}", words))
    for name in ("FE(5)", "FE(6)"):
        page.get_by_text(name, exact=True).first.wait_for()
    assert page.get_by_text("FE(1)", exact=True).count() == 0
    assert page.said == []


@pytest.mark.outside
def test_runs_are_compared(store: Path, interface: str, page: Any) -> None:
    client = MlflowClient(tracking_uri=f"sqlite:///{store}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("table3_baseline")
    runs = client.search_runs([experiment.experiment_id], "tags.`digicarbon.kind` = 'specification'")
    ids = json.dumps([run.info.run_id for run in runs[:3]], separators=(",", ":"))
    server = interface.partition("#")[0]
    page.goto("about:blank")
    page.goto(f'{server}#/compare-runs?runs={ids}&experiments=["{experiment.experiment_id}"]')
    page.get_by_text("Comparing 3 Runs").first.wait_for()
    page.get_by_text("focal.effect.se").first.wait_for()
    page.get_by_text("Parallel Coordinates Plot").first.wait_for()
    assert page.said == []
