"""What `fit` takes beside texts of classes: tables, pairs, numbers, weights, scores, patience."""

import numpy as np
import pandas as pd
import pytest
import torch
from small_models import same, weights
from transformers import Trainer, TrainingArguments, pipeline

from illusionkit.data import corpora
from illusionkit.errors import DataError, TrainingError
from illusionkit.models import encoders
from illusionkit.training import losses
from illusionkit.training.batches import Batches, Settings, Split
from illusionkit.training.devices import accelerator_of
from illusionkit.training.finetune import backward, evaluate, fit, probabilities
from illusionkit.training.own_data import labelled
from illusionkit.training.own_parts import parted

QUICK = Settings(epochs=2, batch_size=16, learning_rate=1e-3, max_tokens=32)


@pytest.fixture(scope="module")
def table():
    """Real reviews: text, five classes, and by columns of other names two of them by name."""
    table = corpora.movie_reviews().drop_duplicates("unit").sample(240, random_state=0)
    names = np.array(["bad", "poor", "so-so", "fair", "good"])[table["label"]]
    return pd.DataFrame(
        {"text": table["text"], "label": table["label"], "said": table["text"], "verdict": names}
    ).reset_index(drop=True)


@pytest.fixture(scope="module")
def halves(table):
    return table[:160], table[160:].reset_index(drop=True)


@pytest.fixture
def two():
    """Forty texts of two classes, one of them rare."""
    texts = [f"{'good' if k % 5 == 0 else 'bad'} film number {k}" for k in range(40)]
    return Split(texts, [int(k % 5 == 0) for k in range(40)])


def shape(split):
    return list(split.texts), list(split.labels)


# --- tables


def test_a_table_is_trained_on_as_its_split_and_names_the_classes(small, halves):
    asked = {"text": "said", "label": "verdict"}
    model, tokenizer = encoders.classifier(5, small)
    fitted = fit(model, tokenizer, *halves, QUICK, **asked)
    other, _ = encoders.classifier(5, small)
    names = sorted(set(halves[0]["verdict"]))
    splits = [
        Split(part["said"].tolist(), [names.index(name) for name in part["verdict"]])
        for part in halves
    ]
    again = fit(other, tokenizer, *splits, QUICK)
    assert same(weights(model), weights(other))
    drop = ["seconds"]
    assert fitted.history.drop(columns=drop).equals(again.history.drop(columns=drop))
    assert model.config.id2label == dict(enumerate(names))
    told = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    assert told(halves[1]["said"][0])[0]["label"] in names


def test_a_model_that_knows_its_classes_gets_them_by_name_and_in_its_order(small, halves):
    names = ["good", "fair", "so-so", "poor", "bad"]
    asked = {"text": "said", "label": "verdict"}
    model, tokenizer = encoders.classifier(names, small)
    fit(model, tokenizer, *halves, Settings(epochs=1, max_tokens=16), **asked)
    assert model.config.id2label == dict(enumerate(names))
    few = halves[1][halves[1]["verdict"].isin(["good", "bad"])]
    fit(model, tokenizer, few, few, Settings(epochs=1, max_tokens=16), **asked)
    strange = few.assign(verdict=few["verdict"].replace("bad", "awful"))
    with pytest.raises(DataError, match=r"no class \['awful'\]: it knows \['good', 'fair'"):
        fit(model, tokenizer, strange, few, QUICK, **asked)


def test_what_was_labelled_and_parted_needs_no_columns(small, table):
    data = labelled(table, text="said", label="verdict")
    model, tokenizer = encoders.classifier(data.names, small)
    parts = parted(data)
    rows = [data.split(rows) for rows in (parts.train, parts.validation)]
    fitted = fit(model, tokenizer, *rows, QUICK)
    assert len(fitted.history) == 2
    with pytest.raises(DataError, match="or both as splits"):
        fit(model, tokenizer, rows[0], table, QUICK)
    with pytest.raises(DataError, match=r"5 classes, and the model has 2 outputs"):
        fit(*encoders.classifier(2, small), table, table, QUICK)
    with pytest.raises(DataError, match="no column 'stars'"):
        fit(model, tokenizer, table, table, QUICK, label="stars")


def test_rows_without_text_are_told(small, halves):
    first = halves[0].copy()
    first.loc[[0, 3], "text"] = None
    model, tokenizer = encoders.classifier(5, small)
    with pytest.warns(UserWarning, match="2 of 160 rows have no text and are left out"):
        fit(model, tokenizer, first, halves[1], Settings(epochs=1, max_tokens=16))


# --- pairs


def test_pairs_reach_the_model_as_its_tokenizer_writes_them(small):
    model, tokenizer = encoders.classifier(2, small)
    first, second = ["a good film", "bad", "no"], ["yes", "not so bad at all", "why"]
    settings = Settings(max_tokens=32)
    given = Batches(tokenizer, Split(first, [0, 1, 1], second), settings)
    inputs, _ = given.batch(np.arange(3), "cpu")
    wanted = tokenizer(first, second, padding=True, return_tensors="pt")
    assert set(inputs) == {"input_ids", "token_type_ids", "attention_mask"}
    assert all(torch.equal(inputs[name], wanted[name]) for name in inputs)
    assert inputs["token_type_ids"].sum() > 0
    with torch.inference_mode():
        chances = model(**wanted).logits.softmax(-1).numpy()
    found = probabilities(model, tokenizer, first, settings, second=second)
    assert np.allclose(found, chances, atol=1e-6)
    turned = probabilities(model, tokenizer, second, settings, second=first)
    assert not np.allclose(found, turned, atol=1e-4)


def test_pairs_are_learned_from_both_texts(small):
    """Whether two sentences speak of one thing can't be told from either of them."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 2, size=(2, 400))
    words = np.array(["good", "bad"])
    table = pd.DataFrame({"a": words[first], "b": words[second], "label": first == second})
    model, tokenizer = encoders.classifier(2, small)
    settings = Settings(epochs=12, batch_size=16, learning_rate=5e-3, max_tokens=8)
    fit(model, tokenizer, table[:320], table[320:], settings, text=["a", "b"])
    assert model.config.id2label == {0: "False", 1: "True"}
    judged = Split(
        table["a"][320:].tolist(), table["label"][320:].astype(int), table["b"][320:].tolist()
    )
    assert evaluate(model, tokenizer, judged, settings)["validation_accuracy"] == 1.0
    one = evaluate(model, tokenizer, Split(judged.texts, judged.labels), settings)
    assert one["validation_accuracy"] < 0.8


@pytest.mark.parametrize(
    ("second", "says"),
    [(["x"], "3 texts need as many second ones, not 1"), ("abc", "second ones"),
     (["a", None, "b"], "second texts of the pairs can't be read. 1 of 3")],
)  # fmt: skip
def test_pairs_that_are_none_are_refused(small, second, says):
    model, tokenizer = encoders.classifier(2, small)
    split = Split(["a", "good", "bad"], [0, 1, 0], second)
    for ask in (
        lambda: fit(model, tokenizer, split, split, QUICK),
        lambda: probabilities(model, tokenizer, split.texts, QUICK, second=second),
    ):
        with pytest.raises(TrainingError, match=says):
            ask()


def test_copies_among_pairs_are_those_of_both_texts(table):
    first, second = table["text"][:120].tolist(), table["text"][120:].tolist()
    pairs = pd.DataFrame({"q": first, "a": second, "label": table["label"][:120] > 2})
    other = pairs.assign(a=pairs["a"].tolist()[1:] + pairs["a"].tolist()[:1])
    data, twice, turned = (
        labelled(pd.concat([pairs, *more]), text=["q", "a"]) for more in ([], [pairs], [other])
    )
    assert data.second == second and data.wholes[3] == f"{first[3]}\n{second[3]}"
    units = [len(np.unique(parted(each).unit)) for each in (data, twice, turned)]
    assert units[0] == units[1] and units[2] > 1.5 * units[0]
    assert data.split(np.array([5])) == Split([first[5]], [int(data.labels[5])], [second[5]])


# --- a number


def test_one_output_learns_a_number_as_transformers_does(small, halves):
    model, tokenizer = encoders.regressor(small)
    rows = np.arange(16)
    split = Split(halves[0]["text"].tolist(), (halves[0]["label"] / 4 + 0.01).tolist())
    batches = Batches(tokenizer, split, QUICK)
    inputs, labels = batches.batch(rows, "cpu")
    assert labels.dtype == torch.float32
    theirs = model(**inputs, labels=labels).loss
    ours = backward(model, batches, rows, accelerator_of("fp32"), losses.squared_error)
    assert ours == pytest.approx(theirs.item(), rel=1e-6)


def test_numbers_of_a_table_are_learned_better_than_their_mean(small, halves):
    model, tokenizer = encoders.regressor(small)
    settings = Settings(epochs=8, batch_size=16, learning_rate=3e-3, max_tokens=8)
    loud = pd.DataFrame({"text": ["good"] * 40 + ["bad"] * 40 + ["no"] * 40,
                         "label": ["1.5"] * 40 + ["-1"] * 40 + ["0"] * 40})  # fmt: skip
    fitted = fit(model, tokenizer, loud, loud, settings)
    assert {"validation_loss", "validation_error"} < set(fitted.history)
    said = probabilities(model, tokenizer, ["good", "bad", "no"], settings)
    assert said.shape == (3, 1) and np.abs(said[:, 0] - [1.5, -1, 0]).max() < 0.2
    judged = evaluate(model, tokenizer, Split(["good", "bad"], [1.5, -1]), settings)
    gaps = said[:2, 0] - [1.5, -1]
    assert judged["validation_loss"] == pytest.approx((gaps**2).mean(), abs=1e-5)
    assert judged["validation_error"] == pytest.approx(np.abs(gaps).mean(), abs=1e-5)


@pytest.mark.parametrize(
    ("labels", "says"),
    [([1.0, np.nan, 2.0], "finite numbers"), (["a", "b", "c"], "finite numbers"),
     ([2.5, 2.5, 2.5], "one number"), ([1000.0, 2000.0, 1500.0], "begins at 0")],
)  # fmt: skip
def test_numbers_that_can_not_be_learned_are_refused(small, labels, says):
    model, tokenizer = encoders.regressor(small)
    split = Split(["a", "good", "bad"], labels)
    with pytest.raises(TrainingError, match=says):
        fit(model, tokenizer, split, split, QUICK)


def test_a_blank_number_in_a_table_and_another_task_are_refused(small):
    model, tokenizer = encoders.regressor(small)
    table = pd.DataFrame({"text": ["good", "bad", "no"], "label": ["1", "two", ""]})
    with pytest.raises(DataError, match="4 labels are no finite numbers"):
        fit(model, tokenizer, table, table, QUICK)
    model, _ = encoders.classifier(2, small)
    model.config.problem_type = "multi_label_classification"
    split = Split(["good", "bad"], [0, 1])
    with pytest.raises(TrainingError, match="not for multi_label_classification"):
        fit(model, tokenizer, split, split, QUICK)


# --- weights of classes


def test_the_gradient_is_that_of_each_row_times_its_weight(small, two):
    rows = np.arange(24)
    for settings in (QUICK, Settings(max_tokens=32, tokens_at_once=40)):
        model, tokenizer = encoders.classifier(2, small)
        batches = Batches(tokenizer, two, settings)
        ours = losses.criterion_of(model, two, Settings(class_weights=(0.5, 3.0)))
        total = backward(model, batches, rows, accelerator_of("fp32"), ours)
        found = [one.grad.clone() for one in model.parameters()]
        model.zero_grad()
        inputs, labels = Batches(tokenizer, two, QUICK).batch(rows, "cpu")
        each = torch.nn.functional.cross_entropy(model(**inputs).logits, labels, reduction="none")
        loss = (each * torch.where(labels == 1, 3.0, 0.5)).mean()
        loss.backward()
        assert total == pytest.approx(loss.item(), rel=1e-5)
        wanted = [one.grad for one in model.parameters()]
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, wanted, strict=True))


def test_balanced_weights_are_those_of_scikit_learn_and_weigh_one_on_average(two):
    found = losses.class_weights("balanced", two.labels, 2)
    assert found.tolist() == [40 / (2 * 32), 40 / (2 * 8)]
    assert found[np.asarray(two.labels)].mean() == pytest.approx(1)


def test_weights_find_more_of_the_rare_class(small):
    """Among texts that say nothing, the rarer class is found by its weight alone."""
    split = Split(["film"] * 100, [int(k % 10 == 0) for k in range(100)])
    said = {}
    for asked in (None, "balanced", (1.0, 81.0)):
        model, tokenizer = encoders.classifier(2, small)
        settings = Settings(epochs=15, batch_size=20, learning_rate=5e-3, max_tokens=4,
                            class_weights=asked, restore_best=False)  # fmt: skip
        fit(model, tokenizer, split, split, settings)
        said[asked] = probabilities(model, tokenizer, ["film"], settings)[0, 1]
    assert said[None] == pytest.approx(0.1, abs=0.07)
    assert said["balanced"] == pytest.approx(0.5, abs=0.12)
    assert said[1.0, 81.0] == pytest.approx(0.9, abs=0.07)


@pytest.mark.parametrize(
    ("asked", "says"),
    [("fair", "not 'fair'"), ((1.0, 2.0, 3.0), "2 class weights are needed"),
     ((1.0, 0.0), "each above 0"), ((1.0, float("nan")), "each above 0"), (7, "2 class weights")],
)  # fmt: skip
def test_weights_that_fit_no_classes_are_refused(small, two, asked, says):
    model, tokenizer = encoders.classifier(2, small)
    with pytest.raises(TrainingError, match=says):
        fit(model, tokenizer, two, two, Settings(max_tokens=32, class_weights=asked))


def test_balance_needs_a_row_of_each_class():
    with pytest.raises(TrainingError, match=r"classes \[2\] have no training row"):
        losses.class_weights("balanced", [0, 1, 1], 3)


# --- own scores, patience


def test_own_scores_become_columns_and_a_log(small, two, tmp_path):
    def recall(truth, chances):
        return {"recall": (chances.argmax(1) == truth)[truth == 1].mean(), "rows": len(truth)}

    model, tokenizer = encoders.classifier(2, small)
    fitted = fit(model, tokenizer, two, two, QUICK, metrics=recall, log=tmp_path)
    assert fitted.history["rows"].tolist() == [40, 40]
    right = probabilities(model, tokenizer, two.texts, QUICK).argmax(1) == np.asarray(two.labels)
    last = fitted.history.set_index("epoch").loc[fitted.best_epoch, "recall"]
    assert last == right[np.asarray(two.labels) == 1].mean()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(tmp_path)).Reload()
    assert len(log.Scalars("recall")) == 2


@pytest.mark.parametrize(
    ("said", "says"),
    [(0.5, "numbers by name"), ({"a": "much"}, "numbers by name"),
     ({"validation_loss": 1.0}, "has validation_loss already"), ({"seconds": 1}, "seconds")],
)  # fmt: skip
def test_own_scores_that_are_none_stop_the_training(small, two, said, says):
    model, tokenizer = encoders.classifier(2, small)
    with pytest.raises(TrainingError, match=says):
        fit(model, tokenizer, two, two, QUICK, metrics=lambda truth, chances: said)


def test_patience_ends_a_training_that_gets_no_better(small, two, tmp_path):
    """Labels that are drawn by lot can't be learned: the loss of other such labels rises."""
    rng = np.random.default_rng(1)
    train, judged = (Split(two.texts, rng.integers(0, 2, 40).tolist()) for _ in range(2))
    settings = Settings(epochs=40, batch_size=8, learning_rate=5e-3, max_tokens=16, patience=3)
    model, tokenizer = encoders.classifier(2, small)
    fitted = fit(model, tokenizer, train, judged, settings, checkpoints=tmp_path / "kept")
    losses_ = fitted.history["validation_loss"]
    assert len(fitted.history) == fitted.best_epoch + 3 < 40
    assert losses_.iloc[-3:].min() >= losses_.min() == losses_[fitted.best_epoch - 1]
    found = evaluate(model, tokenizer, judged, settings)
    assert found["validation_loss"] == pytest.approx(losses_.min(), abs=1e-6)
    again, _ = encoders.classifier(2, small)
    more = fit(again, tokenizer, train, judged, settings, checkpoints=tmp_path / "kept")
    assert len(more.history) == len(fitted.history) and same(weights(model), weights(again))


@pytest.mark.parametrize("patience", [0, -1])
def test_no_patience_is_refused(patience):
    with pytest.raises(TrainingError, match="number of epochs, from 1"):
        Settings(patience=patience)


def test_trainer_stops_at_the_same_epoch(small, two, tmp_path):
    """Patience counts as `EarlyStoppingCallback` counts."""
    from transformers import EarlyStoppingCallback

    rng = np.random.default_rng(1)
    train, judged = (Split(two.texts, rng.integers(0, 2, 40).tolist()) for _ in range(2))
    settings = Settings(epochs=40, batch_size=8, learning_rate=5e-3, max_tokens=16, patience=2)
    model, tokenizer = encoders.classifier(2, small)
    history = fit(model, tokenizer, train, judged, settings).history
    arguments = TrainingArguments(
        output_dir=str(tmp_path), metric_for_best_model="loss", greater_is_better=False,
        eval_strategy="epoch", save_strategy="epoch", load_best_model_at_end=True, report_to=[],
    )  # fmt: skip
    trainer = Trainer(model, arguments, eval_dataset=[], callbacks=[EarlyStoppingCallback(2)])
    stopped = 0
    for epoch, loss in enumerate(history["validation_loss"], start=1):
        trainer.callback_handler.on_evaluate(
            arguments, trainer.state, trainer.control, {"eval_loss": loss}
        )
        if trainer.state.best_metric is None or loss < trainer.state.best_metric:
            trainer.state.best_metric = loss
        if trainer.control.should_training_stop:
            stopped = epoch
            break
    assert stopped == len(history)
