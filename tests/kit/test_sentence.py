"""The reader's own sentence: model and raters, whatever is typed, and nothing before it is."""

import re
import textwrap
import time
from html.parser import HTMLParser

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from small_models import save_small

from illusionkit import cache
from illusionkit.data import corpora
from illusionkit.errors import DataError, TrainingError
from illusionkit.interactive import sentence
from illusionkit.interactive.live import play
from illusionkit.interactive.neighbours import Neighbours, by_class, neighbours, unit
from illusionkit.interactive.sentence import SentencePanel, read
from illusionkit.models import encoders
from illusionkit.models.encoding import MAX_TOKENS, encode
from illusionkit.training import batches
from illusionkit.training.batches import Settings, Split
from illusionkit.training.book_model import Finetuned, Spec, tables
from illusionkit.training.finetune import fit, probabilities

TINY = Settings(epochs=4, batch_size=16, learning_rate=2e-3, max_tokens=16)
TEXTS = [f"a {'good' if n % 2 else 'bad'} film, number {n}" for n in range(220)]
LABELS = [4 if n % 2 else 0 for n in range(220)]
RATINGS = [(4, 3, 2, 1) if n % 2 else (-4, -3, -2, 0) for n in range(220)]
GOOD, BAD = "a good film", "a bad film"
HALVES = {"\ud83d": "\ud83d", "a good \ude00 film": "\ude00"}
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)> film",
    "</textarea></td></table><b>film</b>",
    "\"'><svg onload=alert(1)> film",
    "{0} {film} %s",
    "film \x00\x1b[31m \u202e mlif",
)


@pytest.fixture(scope="module")
def small(tmp_path_factory, tokenizer):
    """The folder of a small BERT that reads as many tokens as the features do."""
    folder = tmp_path_factory.mktemp("long")
    return save_small(folder, tokenizer, max_position_embeddings=MAX_TOKENS)


@pytest.fixture(scope="module")
def trained(small):
    """A small model of five classes that tells good from bad, and its tokenizer."""
    model, tokenizer = encoders.classifier(5, str(small))
    split = Split(TEXTS, LABELS)
    history = fit(model, tokenizer, split, Split(TEXTS[:20], LABELS[:20]), TINY).history
    return Finetuned(model, tokenizer, history, {})


@pytest.fixture(scope="module")
def near(small):
    """The small encoder, and the neighbours among the texts as it sees them."""
    encoder = encoders.encoder(str(small))
    train, held_out = encode(TEXTS, *encoder), encode(TEXTS[:30], *encoder)
    return encoder, Neighbours.among(train, held_out, RATINGS)


@pytest.fixture
def panel(trained, near, monkeypatch):
    """A panel on the small model, its raters those of the small texts."""
    monkeypatch.setitem(batches.BUDGETS, "tiny", TINY)
    made = play(trained, spec=Spec(budget="tiny"))
    made.encoder, made.neighbours = near
    return made


class Parsed(HTMLParser):
    """The tags and the text of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.names, self.text = set(), set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.names |= {name for name, _ in attributes}

    def handle_data(self, data):
        self.text += data


def shown(panel):
    return panel.output.value


def columns(panel):
    """Return the shares shown in the model's and in the raters' column, as texts."""
    rows = shown(panel).split("<tbody>")[1].split("</tbody>")[0].split("</tr>")[:-1]
    cells = [[Parsed(cell).text for cell in row.split("<td")[1:]] for row in rows]
    return [[cell[which].partition(">")[2] for cell in cells] for which in (0, 1)]


def test_a_sentence_gets_five_probabilities_beside_the_raters(panel, trained):
    panel.sentence.value = GOOD
    said = probabilities(trained.model, trained.tokenizer, [GOOD], TINY)[0]
    assert np.array_equal(panel.reading.probabilities, said)
    assert panel.reading.likeliest == 4
    model, raters = columns(panel)
    assert model == [f"{100 * share:.1f}\u00a0%" for share in said]
    assert raters == [f"{100 * share:.1f}\u00a0%" for share in panel.reading.raters.shares]
    assert f"{100 * panel.reading.agreement:.1f}\u00a0% fall into that class" in shown(panel)
    scores = re.findall(r'<th scope="row">[^<]*<span class="ik-small">([^<]*)', shown(panel))
    assert scores == ["−4 to −3", "−2 to −1", "0", "+1", "+2 to +4"]  # as `by_class` cuts them
    assert GOOD in shown(panel)


def test_another_sentence_is_another_reading_and_the_first_stays_to_compare(panel):
    panel.sentence.value = GOOD
    first, good = panel.reading, columns(panel)
    panel.sentence.value = BAD
    assert panel.reading is not first and panel.reading.likeliest == 0
    assert all(new != old for new, old in zip(columns(panel), good, strict=True))
    before = shown(panel).split("Earlier runs")[1]
    assert GOOD in before and "very positive" in before and BAD not in before


def test_the_slider_changes_the_raters_and_does_not_ask_the_model_again(panel, monkeypatch):
    panel.similar.value = 5
    panel.sentence.value = GOOD
    first, few = panel.reading, columns(panel)
    for name in ("probabilities", "encode"):
        monkeypatch.setattr(sentence, name, lambda *given: pytest.fail("asked again"))
    panel.similar.value = 200
    assert panel.reading.raters.reviews == 200 and panel.reading.raters.ratings == 800
    assert panel.reading.raters.cosine < first.raters.cosine
    assert panel.reading.probabilities is first.probabilities
    many = columns(panel)
    assert many[0] == few[0] and many[1] != few[1]
    assert "800 ratings of the 200 most similar" in shown(panel)
    assert "Earlier runs" not in shown(panel)


def test_the_button_reads_the_same_sentence_again(panel):
    panel.sentence.value = GOOD
    first = panel.reading
    panel.run.click()
    assert panel.reading is not first
    assert np.array_equal(panel.reading.probabilities, first.probabilities)
    assert "Earlier runs" not in shown(panel)  # as a click also leaves the field, it reads twice


def test_nothing_runs_before_a_sentence(panel, monkeypatch):
    monkeypatch.setattr(SentencePanel, "answer", lambda self: pytest.fail("it ran"))
    assert panel.box.children[-1] is panel.output
    panel.similar.value = 100
    assert panel.reading is None and "Nothing has run yet" in shown(panel)


@pytest.mark.parametrize("typed", ["", " ", "\t \u00a0\u3000", "\u200b\u200b", "\x00"])
def test_nothing_to_read_is_said(panel, typed):
    panel.sentence.value = typed
    panel.run.click()
    assert panel.reading is None
    assert "There is nothing to read: type a sentence" in shown(panel)
    panel.sentence.value = GOOD
    assert panel.reading.sentence == GOOD


@pytest.mark.parametrize("typed", ["good film " * 10_000, "g" * 100_000, "。" * 100_000])
def test_what_is_longer_than_the_model_reads_is_cut_and_said(panel, typed):
    panel.sentence.value = GOOD
    began = time.process_time()
    panel.sentence.value = typed
    assert time.process_time() - began < 2
    assert panel.reading.sentence == typed
    assert len(shown(panel)) < 20_000
    pieces = panel.reading.pieces
    if pieces.count == TINY.max_tokens - 2:  # 100,000 times one letter is one unknown word
        said = f"{pieces.count} word pieces, {pieces.characters} of {len(typed.rstrip())}"
        assert said in shown(panel)
    else:
        assert pieces.count == pieces.unknown == 1 and "knows no sign" in shown(panel)


@pytest.mark.parametrize("kept", [1, 13, 14, 15, 40])
def test_how_much_is_read_is_counted(trained, kept):
    typed = " ".join(["film"] * kept)
    pieces = read(f"{typed}  ", trained.tokenizer, 16)
    assert pieces.count == min(kept, 14) and pieces.unknown == 0
    assert (pieces.characters < pieces.length) == (kept > 14)
    assert typed[: pieces.characters] == " ".join(["film"] * min(kept, 14))


@pytest.mark.parametrize("typed", ["\U0001f600", "\U0001f600\U0001f389 \U0001f44d\U0001f3fd"])
def test_only_emoji_is_read_and_the_answer_is_put_in_its_place(panel, typed):
    panel.sentence.value = typed
    assert panel.reading.pieces.unknown == panel.reading.pieces.count > 0
    assert "The model knows no sign of this" in shown(panel)
    assert typed in shown(panel)


def test_pieces_that_are_unknown_are_counted(panel):
    panel.sentence.value = "a good \U0001f389 film"
    assert "1 of 4 word pieces are unknown" in shown(panel)


@pytest.mark.parametrize("typed", HOSTILE)
def test_hostile_text_stays_text(panel, typed):
    panel.sentence.value = GOOD
    plain = Parsed(shown(panel))
    panel.sentence.value = typed
    panel.sentence.value = BAD  # so that it stands among the earlier ones as well
    for _ in range(2):
        found = Parsed(shown(panel))
        assert found.tags <= plain.tags | {"thead", "p"}
        assert found.names <= plain.names
        assert "\x00" not in shown(panel) and "\x1b" not in shown(panel)
        readable = typed.translate({0: "\ufffd", 0x1B: "\ufffd"})
        assert " ".join(readable.split()) in found.text
        panel.sentence.value = typed


def test_two_halves_are_a_whole(panel):
    panel.sentence.value = "a good film \ud83d\ude00"
    assert panel.reading.sentence == "a good film \U0001f600"


@pytest.mark.parametrize("typed", HALVES)
def test_half_a_character_is_said(panel, typed):
    panel.sentence.value = typed
    assert panel.reading is None
    assert "half a character" in shown(panel) and shown(panel).encode()
    assert panel.sentence.value == typed.encode("utf-16", "surrogatepass").decode(
        "utf-16", "replace"
    )
    panel.sentence.value = GOOD
    assert panel.reading.likeliest == 4 and "half a character" not in shown(panel)


def test_a_sentence_that_was_trained_on_is_told(panel):
    panel.sentence.value = TEXTS[7].upper()
    assert "the model has seen it with its label" in shown(panel)
    panel.sentence.value = "film good a"
    assert "the model has seen it" not in shown(panel)


def test_what_is_like_nothing_is_told(panel, near):
    _, known = near
    panel.neighbours = Neighbours(known.vectors, known.ratings, np.zeros_like(known.usual))
    panel.sentence.value = GOOD
    assert "100 have less similar neighbours than your sentence" in shown(panel)
    panel.neighbours = Neighbours(known.vectors, known.ratings, np.ones_like(known.usual))
    panel.run.click()
    assert panel.reading.raters.less_similar == 0
    assert "nothing in the training reviews is much like your sentence" in shown(panel)


def test_a_failure_is_told_as_text_and_the_next_run_works(panel, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(sentence, "encode", lambda *given: 1 / 0)
        panel.sentence.value = GOOD
    assert "ZeroDivisionError: division by zero" in shown(panel)
    assert panel.reading is None and not panel.run.disabled
    panel.run.click()
    assert panel.reading is not None and "ZeroDivisionError" not in shown(panel)


def test_the_widgets_are_labelled(panel):
    assert panel.sentence.description == "Your sentence"
    assert "Type a sentence" in panel.sentence.placeholder
    assert panel.similar.description == "Similar reviews"
    assert (panel.similar.min, panel.similar.max, panel.similar.value) == (5, 200, 50)
    assert list(panel.box.children)[1:] == [
        panel.sentence,
        panel.similar,
        panel.run,
        panel.output,
    ]


def test_other_models_and_other_things_are_refused(small):
    two = Finetuned(*encoders.classifier(2, str(small)), None, {})
    with pytest.raises(TrainingError, match="five classes of rated reviews, the model has 2"):
        play(two)
    with pytest.raises(TypeError, match="an Experiment or what finetuned\\(\\) returns, not str"):
        play("a good film")


@pytest.mark.parametrize("reviews", [5, 6, 50, 200])
def test_the_raters_are_those_of_the_nearest_reviews(reviews):
    rng = np.random.default_rng(0)
    train, held_out, asked = (rng.normal(size=size) for size in ((300, 8), (40, 8), 8))
    scores = [rng.integers(-4, 5, size=rng.integers(3, 9)).tolist() for _ in train]
    found = Neighbours.among(train, held_out, scores).raters(asked, reviews)

    def cosines(one):
        each = [row @ one / np.sqrt((row @ row) * (one @ one)) for row in train]
        return sorted(zip(each, range(300), strict=True), reverse=True)[:reviews]

    nearest = cosines(asked)
    pooled = [score for _, row in nearest for score in scores[row]]
    mean = np.mean([cosine for cosine, _ in nearest])
    assert found.ratings == len(pooled) and found.reviews == reviews
    assert np.allclose(
        found.shares, np.bincount(np.digitize(pooled, [-2, -0.75, 0.75, 2])) / len(pooled)
    )
    assert found.cosine == pytest.approx(mean, abs=1e-5)
    assert found.nearest == pytest.approx(nearest[0][0], abs=1e-5)
    usual = [np.mean([cosine for cosine, _ in cosines(one)]) for one in held_out]
    assert found.less_similar == np.mean(np.array(usual) < mean)
    every = np.digitize([score for row in scores for score in row], [-2, -0.75, 0.75, 2])
    assert np.allclose(found.overall, np.bincount(every, minlength=5) / len(every))


@pytest.mark.parametrize("reviews", [-1, 0, 4, 101, 201])
def test_single_reviews_are_never_shown_nor_more_than_there_are(reviews):
    some = np.random.default_rng(0).normal(size=(100, 4))
    with pytest.raises(DataError, match="From 5 to 100 similar reviews can be shown"):
        Neighbours.among(some, some[:3], [(0,)] * 100).raters(some[0], reviews)


def test_single_ratings_are_cut_as_the_means_are():
    means = [float(score) for score in range(-4, 5)]
    classes = [int(np.digitize(mean, corpora.CLASS_EDGES)) for mean in means]
    assert [int(by_class([score]).argmax()) for score in range(-4, 5)] == classes
    assert classes == [0, 0, 1, 1, 2, 3, 4, 4, 4]
    assert by_class([4, 4, -1]).tolist() == [0, 1, 0, 0, 2]


def test_a_vector_of_nothing_is_like_nothing():
    assert unit(np.zeros((2, 3))).tolist() == [[0, 0, 0]] * 2


def test_the_real_encoder_finds_praise_for_praise_and_leaves_no_file(packaged):
    found = Finetuned(*encoders.classifier(5), None, {})
    panel = play(found)
    panel.encoder = packaged
    assert len(panel.neighbours.vectors) == 7742  # and no file of the corpus is made hereafter
    kept = sorted(path.name for path in cache.folder("features").iterdir())
    answers = {}
    for typed in (
        "a wonderful, moving film with superb acting",
        "a dull and stupid film, badly acted",
        "Könnten Sie mir bitte den Weg zum Bahnhof zeigen?",
        "请问火车站怎么走",
    ):
        panel.sentence.value = typed
        answers[typed] = panel.reading.raters
    praise, blame, german, chinese = answers.values()
    assert praise.shares[3:].sum() > 0.8 > 0.4 > blame.shares[3:].sum()
    assert min(praise.less_similar, blame.less_similar) > 0.05
    assert max(german.less_similar, chinese.less_similar) < 0.05
    assert "nothing in the training reviews is much like" in shown(panel)
    assert sorted(path.name for path in cache.folder("features").iterdir()) == kept


def test_only_training_reviews_are_neighbours_and_the_yardstick_is_validation():
    known, parts = neighbours(), tables()
    assert len(known.vectors) == len(known.ratings) == len(parts["train"])
    assert known.usual.shape == (len(parts["validation"]), 200)
    assert known.ratings.sum(axis=1).tolist() == [len(row) for row in parts["train"]["ratings"]]
    with pytest.raises(DataError, match="Nobody rated the texts of 'chinese_reviews'"):
        neighbours("chinese_reviews")


MADE = """
from illusionkit.models import encoders
from illusionkit.training.book_model import Finetuned
from illusionkit.interactive.live import play
panel = play(Finetuned(*encoders.classifier(5, {folder!r}), None, {{}}))
panel
"""


def execute(monkeypatch, *cells, strict):
    """Run cells in a real kernel and return the notebook."""
    monkeypatch.setenv("ILLUSIONKIT_STRICT", "1" if strict else "0")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    return NotebookClient(notebook, timeout=120, kernel_name="python3").execute()


def test_a_strict_run_stores_the_printed_form_and_no_widget(monkeypatch, small):
    loaded = "print(sorted(set(vars(panel)) & {'box', 'output', 'sentence', 'neighbours'}))"
    notebook = execute(monkeypatch, MADE.format(folder=str(small)), loaded, strict=True)
    (output,) = notebook.cells[0].outputs
    assert sorted(output.data) == ["text/html", "text/plain"]
    assert output.data["text/plain"] == "play(finetuned('movie_reviews'))"
    assert "widgets" not in notebook.metadata
    html = output.data["text/html"]
    for said in ("Your own sentence, live", "Similar reviews: 5 to 200", "make lab"):
        assert said in html
    assert not Parsed(html).tags & {"script", "button", "input", "textarea"}
    assert notebook.cells[1].outputs[0].text == "[]\n"


def test_a_kernel_sets_the_widgets_and_gets_a_reading(monkeypatch, small):
    here = textwrap.dedent("""
        import numpy as np
        from illusionkit.training import batches
        from illusionkit.models.encoding import encode
        from illusionkit.interactive.neighbours import Neighbours
        batches.BUDGETS["small"] = batches.Settings(max_tokens=16)
        panel.encoder = encoders.encoder({folder!r})
        texts = [f"film {{n}}" for n in range(60)]
        rows = encode(texts, *panel.encoder)
        panel.neighbours = Neighbours.among(rows, rows[:9], [(n % 9 - 4, 0) for n in range(60)])
    """)
    notebook = execute(
        monkeypatch,
        MADE.format(folder=str(small)),
        here.format(folder=str(small)),
        "panel.sentence.value = 'a good film'\nfirst = panel.reading\n"
        "panel.similar.value = 10\n"
        "print(round(first.probabilities.sum(), 6), panel.reading.raters.ratings)\n"
        "typed = {'method': 'update', 'state': {'value': 'half \\ud83d'}, 'buffer_paths': []}\n"
        "panel.sentence._handle_msg({'content': {'data': typed}, 'buffers': []})\n"
        "print('half a character' in panel.output.value, panel.sentence.value == 'half \\ufffd')",
        strict=False,
    )
    assert "application/vnd.jupyter.widget-view+json" in notebook.cells[0].outputs[0].data
    printed = [output.text for output in notebook.cells[2].outputs if output.get("text")]
    assert "".join(printed) == "1.0 20\nTrue True\n"
