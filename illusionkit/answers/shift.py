"""The answers to the exercises of chapter 3 on data from elsewhere: texts, and mail."""

from __future__ import annotations

from functools import cache

import numpy as np

from illusionkit.answers.answer import Answer
from illusionkit.arrays import Array

DRAWS = 20


@cache
def _corpus(name: str) -> tuple[Array, Array, Array]:
    """Return features, label of three classes and unit of a corpus."""
    from illusionkit.illusions.collect.domain_shift import load
    from illusionkit.models.encoding import features

    rows = load(name, "book")
    return features(list(rows["text"])), rows["label"].to_numpy(), rows["unit"].to_numpy()


@cache
def _ninety_alone() -> float:
    """Return the balanced accuracy on product reviews of a model that saw ninety sentences."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found, label, unit = _corpus("product_reviews")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    rng, scores = np.random.default_rng(0), []
    for _ in range(DRAWS):
        test = np.isin(unit, rng.permutation(np.unique(unit))[:100])
        pools = [np.flatnonzero((label == c) & ~test) for c in range(3)]
        train = np.concatenate([rng.permutation(pool)[:30] for pool in pools])
        said = model.fit(found[train], label[train]).predict(found[test])
        scores.append(balanced_accuracy_score(label[test], said))
    return float(np.mean(scores))


@cache
def _tell_apart() -> float:
    """Return how often a probe tells a film review from a tweet, 1,500 of each, in five folds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    both = np.concatenate([_corpus(name)[0][:1500] for name in ("movie_reviews", "tweets")])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return float(cross_val_score(model, both, np.repeat([0, 1], 1500), cv=folds).mean())


@cache
def _lab() -> tuple[Array, Array]:
    """Return the lab's rows of mail: to train on, and held out; a random split by mail."""
    from illusionkit.illusions.collect.mail_triage import words_and_marks

    kind = words_and_marks().kind
    rows = np.concatenate([np.flatnonzero(kind == "easy"), np.flatnonzero(kind == "spam")])
    train, held = np.split(np.random.default_rng(0).permutation(rows), [4000])
    return train, held


@cache
def _words_alone() -> float:
    """Return the share of hard mail that a filter without marks calls spam."""
    from sklearn.linear_model import LogisticRegression

    from illusionkit.illusions.collect.mail_triage import words_and_marks

    mails, (train, _) = words_and_marks(), _lab()
    is_word = [not name.startswith(("field:", "tag:")) for name in mails.tokens]
    words = mails.counts[:, np.flatnonzero(is_word)]
    by_words = LogisticRegression(C=0.1, solver="liblinear").fit(words[train], mails.label[train])
    return float(by_words.predict(words[mails.kind == "hard"]).mean())


@cache
def _threshold() -> float:
    """Return the spam that is caught where one hard mail in ten is called spam."""
    from illusionkit.illusions.collect.mail_triage import words_and_marks

    mails, (train, held) = words_and_marks(), _lab()
    found = mails.fit(train).decision_function(mails.counts)
    careful = np.quantile(found[mails.kind == "hard"], 0.9)
    return float((found[held][mails.label[held] == 1] > careful).mean())


ANSWERS = {
    "ninety-alone": Answer(_ninety_alone, within=0.008),
    "tell-apart": Answer(_tell_apart, within=0.006),
    "words-alone": Answer(_words_alone, within=0.02),
    "mail-threshold": Answer(_threshold, within=0.02),
}
