"""The live panels in JupyterLab, as a reader meets them: a real server, a kernel, a browser."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest

SENTENCE = """
from illusionkit.training.book_model import finetuned
from illusionkit.interactive.live import play

play(finetuned())
"""
EXPERIMENT = """
from illusionkit.illusions import experiments
from illusionkit.interactive.live import play

play(experiments()["duplicate-leakage"])
"""
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
CONFIG = {
    "LabApp": {
        "news_url": None,
        "check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
        "extension_manager": "readonly",
    }
}
PATIENCE_MS = 120_000
"""How long a slow machine may take for one step; a quick one takes seconds for all of them."""


@dataclass
class Lab:
    """A JupyterLab server: its address, its token, its process and what it has said so far."""

    url: str
    token: str
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Read what the server says; it is ready when it has said where it runs."""
        for line in self.process.stdout or ():
            self.log.append(line)
            if "is running at" in line:
                self.ready.set()
        self.ready.set()

    def stop(self) -> None:
        """End the server and every kernel, also where one of them hangs."""
        import psutil

        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            family = []
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for left in psutil.wait_procs(family, timeout=5)[1]:
            left.kill()
        assert not psutil.wait_procs(family, timeout=5)[1]


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def homeless(home: Path) -> dict[str, str]:
    """Return an environment in which Jupyter knows nothing of the user, and no run is strict."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    env.pop("ILLUSIONKIT_STRICT", None)
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        env[f"JUPYTER_{name}"] = str(home / name.lower())
    for name in ("SETTINGS_DIR", "WORKSPACES_DIR"):
        env[f"JUPYTERLAB_{name}"] = str(home / name.lower())
    return env | {"IPYTHONDIR": str(home / "ipython"), "PYTHONUNBUFFERED": "1"}


def settle(home: Path, settings: dict[str, dict[str, Any]]) -> None:
    """Write the server's configuration and the user's settings: no news, nothing asked outside."""
    for name, given in settings.items():
        path = home / "settings_dir" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(given), encoding="utf-8")
    (home / "config_dir").mkdir()
    (home / "config_dir" / "jupyter_lab_config.json").write_text(json.dumps(CONFIG))


def start(folder: Path, home: Path, settings: dict[str, dict[str, Any]]) -> Lab:
    """Start a server on a folder of notebooks."""
    settle(home, settings)
    port, token = free_port(), secrets.token_hex(16)
    options = {"port": port, "ip": "127.0.0.1", "port_retries": 0, "root_dir": folder}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ServerApp.{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(
        [*command, f"--IdentityProvider.token={token}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
        env=homeless(home),
    )  # fmt: skip
    lab = Lab(f"http://127.0.0.1:{port}", token, process)
    threading.Thread(target=lab.listen, daemon=True).start()
    return lab


def notebook(source: str, path: Path) -> None:
    """Write a notebook of one cell."""
    cell = nbformat.v4.new_code_cell(source.strip(), id="panel")
    made = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": KERNEL})
    nbformat.write(made, path)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Lab]:
    """A server on copies, with the model in the cache: trained here where nothing is there yet."""
    subprocess.run([sys.executable, str(root / "book" / "warm.py")], check=True, cwd=root)
    folder = tmp_path_factory.mktemp("notebooks")
    notebook(EXPERIMENT, folder / "experiment.ipynb")
    notebook(SENTENCE, folder / "sentence.ipynb")
    started = start(folder, tmp_path_factory.mktemp("jupyter"), SETTINGS)
    try:
        assert started.ready.wait(PATIENCE_MS / 1000) and started.process.poll() is None, (
            started.log
        )
        yield started
    finally:
        started.stop()


@pytest.fixture
def run_all(browser: Any, lab: Lab) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a notebook and runs all cells; any trouble fails the test."""
    contexts, troubles = [], []

    def opened(name: str, **how: Any) -> Any:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 1000}, **how))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE_MS)
        listen(page, lab.url, troubles)
        place = f"workspaces/{name.partition('.')[0]}"  # of its own: nothing else is opened
        page.goto(f"{lab.url}/lab/{place}/tree/{name}?token={lab.token}")
        # Before a kernel is attached, running would ask for one.
        page.locator("#jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not troubles, "\n".join(troubles)


def listen(page: Any, base: str, troubles: list[str]) -> None:
    """Note every error and dialog, and every request that leaves the server."""
    inside = (base, base.replace("http", "ws", 1), "data:", "blob:")
    page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    page.on("console", lambda said: said.type == "error" and troubles.append(f"{said.text}"))
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    page.on(
        "request", lambda sent: sent.url.startswith(inside) or troubles.append(f"left: {sent.url}")
    )


def columns(panel: Any) -> list[list[str]]:
    """Return the five shares of the model and the five of the raters, as texts."""
    cells = panel.locator("table").first.locator("tbody td").all_inner_texts()
    return [[cell.strip() for cell in cells[which::2]] for which in (0, 1)]


def percent(shares: list[str]) -> float:
    return sum(float(share.removesuffix("%").strip()) for share in shares)


def test_a_sentence_is_read_and_another_and_the_slider_changes_the_raters(run_all: Any) -> None:
    page = run_all("sentence.ipynb")
    typed = page.get_by_label("Your sentence")
    panel = page.locator(".widget-html .ik-play")
    panel.get_by_text("Nothing has run yet").wait_for()

    typed.fill("A wonderful, moving film with superb acting.")
    typed.press("Enter")
    panel.get_by_text("ratings of the 50 most similar training reviews").wait_for()
    praise, raters = columns(panel)
    assert len(praise) == len(raters) == 5
    assert abs(percent(praise) - 100) < 0.3 and abs(percent(raters) - 100) < 0.3

    typed.fill("<img src=x onerror=alert(1)> A dull and stupid film.")
    page.locator("button.widget-button").click()
    panel.locator(".ik-question").get_by_text("A dull and stupid film").wait_for()
    blame, others = columns(panel)
    assert blame != praise and others != raters
    assert percent(blame[:2]) > percent(praise[:2])
    assert panel.locator("img").count() == 0

    slider = page.locator(".widget-slider").get_by_role("slider")
    slider.press("ArrowRight")
    panel.get_by_text("ratings of the 55 most similar training reviews").wait_for()
    model, more = columns(panel)
    assert model == blame and more != others
    assert slider.get_attribute("aria-valuenow") == "55.0"

    # A page's own script may hand over half a character; it is told, and what follows works.
    typed.evaluate("node => { node.value = 'half \\ud83d'; }")
    typed.press("End")
    typed.press("x")
    typed.press("Enter")
    panel.get_by_text("half a character").wait_for()
    typed.fill("A film.")
    typed.press("Enter")
    panel.get_by_text("Earlier runs").wait_for()
    assert panel.locator(".ik-question").inner_text() == "A film."


def test_an_experiment_is_run_at_a_value_off_the_grid(run_all: Any) -> None:
    from playwright.sync_api import expect

    page = run_all("experiment.ipynb")
    panel = page.locator(".widget-html .ik-play")
    panel.get_by_text("Nothing has run yet").wait_for()
    slider = page.locator(".widget-slider").get_by_role("slider").first
    before = slider.get_attribute("aria-valuetext")
    slider.press("ArrowLeft")
    expect(slider).not_to_have_attribute("aria-valuetext", before)
    page.locator("button.widget-button").click()
    panel.locator(".ik-readout").wait_for()
    first = [panel.locator(f'[data-value="{i}"]').inner_text() for i in (0, 2, 4)]
    assert all(any(digit in value for digit in "0123456789") for value in first)
    slider.press("ArrowLeft")
    page.locator("button.widget-button").click()
    panel.get_by_text("Earlier runs").wait_for()
    assert panel.locator("tbody td").all_inner_texts()[1:] == first
