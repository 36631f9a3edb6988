"""`play`: a real kernel sets the widgets and gets a new Reading; a strict run stores no widget."""

import textwrap

import nbformat
import pytest
from nbclient import NotebookClient

EXPERIMENT = textwrap.dedent('''
    import numpy as np
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from illusionkit.experiment.reading import (ACCURACY, Reading, Rows)
    from illusionkit.experiment.spec import (Experiment, Knob)
    from illusionkit.interactive.live import play

    def run(dose, seed, arm, part):
        """Systematic label noise: the apparent score is judged by the noisy labels."""
        x, y = load_breast_cancer(return_X_y=True)
        x = (x - x.mean(0)) / x.std(0)
        order = np.random.default_rng(seed).permutation(len(y))
        train, test = order[:400], order[400:]
        if dose["rate"] > 0.9:
            raise RuntimeError("<b>too noisy</b>")
        wrong = (x[:, 0] > np.quantile(x[:, 0], 1 - dose["rate"])) if arm == "flawed" else False
        noisy = np.where(wrong, 1, y)
        said = LogisticRegression(max_iter=500).fit(x[train], noisy[train]).predict(x[test])
        rows = [Rows(labels[test], said, test) for labels in (noisy, y)]
        return Reading.scored(ACCURACY, *rows, extras={"rows_changed": float((noisy != y).sum())})

    experiment = Experiment(
        id="noise", title="Shared label noise", step="collect", design="same-rows",
        metric=ACCURACY,
        knobs=(Knob("rate", "Share of labels changed", "of rows", 0, 1, 0, (0, 0.5)),),
        seeds=(0, 1), margin=0.01, sign=1, data=("breast cancer",), page="none", cost=0.1, run=run,
        arms=("flawed", "control"),
    )
''')


@pytest.fixture(scope="module")
def namespace():
    """Return the small experiment's module, run here."""
    names = {}
    exec(EXPERIMENT, names)
    return names


@pytest.fixture
def panel(namespace):
    """Return a panel of the small experiment."""
    return namespace["play"](namespace["experiment"])


def execute(monkeypatch, *cells, strict):
    """Run cells in a real kernel and return the notebook."""
    monkeypatch.setenv("ILLUSIONKIT_STRICT", "1" if strict else "0")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    return NotebookClient(notebook, timeout=120, kernel_name="python3").execute()


def test_a_kernel_sets_the_widgets_and_gets_a_new_reading(monkeypatch):
    notebook = execute(
        monkeypatch,
        EXPERIMENT,
        "panel = play(experiment)\npanel",
        "panel.knobs['rate'].value = 0.37\npanel.seed.value = 5\npanel.run.click()\n"
        "first = panel.reading\nassert first.apparent == experiment.read(0.37, 5).apparent\n"
        "panel.arm.value = 'control'\npanel.run.click()\nassert panel.reading is not first\n"
        "print(panel.reading.apparent == panel.reading.honest, first.apparent > first.honest)\n"
        "print('+0.000' in panel.output.value or '0.000' in panel.output.value)",
        strict=False,
    )
    shown = notebook.cells[1].outputs[0].data
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "Run it live: Shared label noise" in shown["text/html"]
    assert notebook.cells[2].outputs[0].text == "True True\nTrue\n"


def test_a_strict_run_stores_the_printed_form_and_no_widget(monkeypatch):
    notebook = execute(monkeypatch, EXPERIMENT, "play(experiment)", strict=True)
    (output,) = notebook.cells[1].outputs
    assert sorted(output.data) == ["text/html", "text/plain"]
    assert output.data["text/plain"] == "play('noise')"
    assert "widgets" not in notebook.metadata
    html = output.data["text/html"]
    for said in ("Share of labels changed: 0 to 1 of rows", "Flawed, Control", "make lab"):
        assert said in html
    assert "<script" not in html and "<button" not in html


def test_nothing_runs_before_the_button(panel):
    panel.knobs["rate"].value = 0.2
    assert panel.reading is None
    assert "Nothing has run yet" in panel.output.value


def test_a_reading_is_shown_with_what_was_asked(panel):
    panel.knobs["rate"].value = 0.25
    panel.run.click()
    for said in (
        "Share of labels changed 0.25 of rows, seed 0, Flawed",
        "optimism",
        "rows changed",
    ):
        assert said in panel.output.value
    assert f"{panel.reading.honest:.3f}" in panel.output.value


def test_earlier_runs_stay_for_comparison(panel):
    for seed in range(10):
        panel.seed.value = seed
        panel.run.click()
    rows = panel.output.value.split("<tbody>")[1]
    assert rows.count("<tr>") == 8
    assert rows.index("seed 8") < rows.index("seed 7") and "seed 0" not in rows


def test_a_failing_run_says_so_as_text_and_the_next_one_works(panel):
    panel.run.click()
    first = panel.reading
    panel.knobs["rate"].value = 0.95
    panel.run.click()
    assert "RuntimeError: &lt;b&gt;too noisy&lt;/b&gt;" in panel.output.value
    assert panel.reading is first and not panel.run.disabled
    panel.knobs["rate"].value = 0.5
    panel.run.click()
    assert panel.reading is not first and "too noisy" not in panel.output.value


def test_the_button_is_off_while_it_runs(panel, namespace, monkeypatch):
    seen = []
    read = namespace["experiment"].read
    monkeypatch.setattr(
        type(namespace["experiment"]),
        "read",
        lambda self, *given: (
            seen.append((panel.run.disabled, panel.run.description)) or read(*given)
        ),
    )
    panel.run.click()
    assert seen == [(True, "Running …")]
    assert (panel.run.disabled, panel.run.description) == (False, "Run")


def test_the_widgets_are_labelled_and_hold_the_spec(panel):
    slider = panel.knobs["rate"]
    assert slider.description == "Share of labels changed (of rows)"
    assert (slider.min, slider.max, slider.value, slider.step) == (0, 1, 0, 0.01)
    assert panel.arm.options == (("Flawed", "flawed"), ("Control: no flaw", "control"))
    assert panel.seed.description == "Seed" and panel.box.children[-1] is panel.output


@pytest.mark.parametrize(
    ("low", "high", "doses", "step"),
    [
        (0, 1, (0, 1), 0.01),
        (1, 1000, (1, 10), 10),
        (1, 30, (1, 5), 1),
        (0, 30, (0, 0.5), 0.5),
        (2, 2, (2,), 1),
    ],
)
def test_a_slider_steps_in_tidy_steps(low, high, doses, step):
    from illusionkit.experiment.spec import Knob
    from illusionkit.interactive.live import slider_step

    assert slider_step(Knob("k", "k", "", low, high, low, doses)) == pytest.approx(step)


def test_without_a_kernel_only_the_printed_form(panel, monkeypatch):
    monkeypatch.setenv("ILLUSIONKIT_STRICT", "0")
    assert sorted(panel._repr_mimebundle_()) == ["text/html", "text/plain"]
