"""The corrected listing of the page `movie-ratings` stands on its own: pasted anywhere, it runs."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hygiene
import notebooks
import pytest
import torch
from nbformat import NotebookNode
from transformers import AutoModelForSequenceClassification

from illusionkit.models import classifier
from illusionkit.models.encoders import tuned
from illusionkit.training import Settings, Split, fit

PAGE = "chapters/04-mathematics/movie-ratings.ipynb"
ROWS = [("A film to see twice.", 4), ("Two hours that I want back.", 0), ("It is a film.", 2)]


@pytest.fixture(scope="module")
def cell(root: Path) -> NotebookNode:
    cells = notebooks.code_cells(notebooks.read(root / PAGE))
    (found,) = [cell for cell in cells if "listing" in cell.metadata.get("tags", [])]
    return found


@pytest.fixture
def fine_tune(cell: NotebookNode) -> Callable[..., Any]:
    """The listing's function, from a namespace that holds nothing else."""
    alone: dict[str, Any] = {}
    exec(cell.source, alone)
    return alone["fine_tune"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the packaged encoder under a new head, without dropout."""
    model, tokenizer = classifier(5)
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0
    place = tmp_path_factory.mktemp("bert")
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return str(place)


def test_it_is_whole_and_short(cell: NotebookNode) -> None:
    assert hygiene.code_lines(cell) < 40
    tree = ast.parse(cell.source)
    named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    named |= {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    assert named == {"torch", "transformers"}


def test_its_rate_and_epochs_are_the_document_s(fine_tune: Callable[..., Any]) -> None:
    size = fine_tune.__code__.co_argcount
    names = fine_tune.__code__.co_varnames[:size]
    set_to = dict(zip(names[-len(fine_tune.__defaults__) :], fine_tune.__defaults__, strict=True))
    assert set_to == {"name": "bert-base-cased", "epochs": 5, "rate": 1e-5, "size": 32}


def test_it_prints_a_line_an_epoch(
    fine_tune: Callable[..., Any], folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fine_tune(ROWS, ROWS[:2], ROWS[1:], name=folder, epochs=2, size=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[:2]] == ["Epoch 1", "Epoch 2"]
    assert len(lines) == 3 and lines[2].startswith("test loss: ")


def test_one_step_of_it_is_one_step_of_fit(
    fine_tune: Callable[..., Any], folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = 1e-3  # high, so that a loop that makes no step, or another, would be seen
    first, tokenizer = tuned(Path(folder))
    split = Split([text for text, _ in ROWS], [label for _, label in ROWS])
    plan = Settings(epochs=1, learning_rate=rate, weight_decay=0.0, warmup=0.0, clip=1e9)
    fitted = fit(first, tokenizer, split, split, plan).history.iloc[0]
    fine_tune(ROWS, ROWS, ROWS, name=folder, epochs=1, rate=rate)
    after = float(capsys.readouterr().out.split("train loss: ")[1].split(",")[0])
    assert abs(after - fitted["validation_loss"]) < 2e-3
    assert abs(after - fitted["train_loss"]) > 0.1


def test_it_trains_with_dropout_in_every_epoch(fine_tune: Callable[..., Any], folder: str) -> None:
    modes: list[bool] = []
    kept = AutoModelForSequenceClassification.from_pretrained

    def watched(*args: Any, **settings: Any) -> Any:
        model = kept(*args, **settings)
        model.register_forward_hook(
            lambda module, *_: modes.append(module.training) if torch.is_grad_enabled() else None
        )
        return model

    AutoModelForSequenceClassification.from_pretrained = watched
    try:
        fine_tune(ROWS, ROWS, ROWS, name=folder, epochs=3, size=2)
    finally:
        AutoModelForSequenceClassification.from_pretrained = kept
    assert modes == [True] * 6
