"""The titles of the films: one a film that was rated, in order, said as one says them."""

import pandas as pd
import pytest

from illusionkit.data import film_titles, movielens
from illusionkit.errors import DataError


def shipped(**changed):
    number = [str(n) for n in range(1, movielens.FILMS + 1)]
    columns = {"item_id:token": number, "movie_title:token_seq": "Piano The"}
    return pd.DataFrame(
        columns | {"release_year:token": "1993", "class:token_seq": "Drama"} | changed
    )


def test_the_documented_films_are_there():
    films = film_titles.film_titles()
    assert len(films) == movielens.FILMS and (films["title"] != "").all()
    assert films["title"].duplicated().sum() == 23
    assert list(films["title"][:2]) == ["Toy Story", "GoldenEye"]
    assert films["kinds"][0].split() == ["Animation", "Children's", "Comedy"]
    assert films["year"][0] == "1995"


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Piano The", "The Piano"),
        ("Time to Kill A", "A Time to Kill"),
        ("Affair to Remember, An", "An Affair to Remember"),
        ("The", "The"),
        ("Twelve Monkeys", "Twelve Monkeys"),
    ],
)
def test_an_article_stands_in_front(title, said):
    assert film_titles.in_order(title) == said


def test_a_list_of_other_films_or_columns_is_refused():
    assert film_titles.listed(shipped())["title"].eq("The Piano").all()
    with pytest.raises(DataError, match="not numbered from 1 to 1682"):
        film_titles.listed(shipped()[::-1])
    with pytest.raises(DataError, match="no column 'class:token_seq'"):
        film_titles.listed(shipped().drop(columns="class:token_seq"))


def test_nobody_changes_the_list_that_is_kept():
    mine = film_titles.film_titles()
    mine.loc[0, "title"] = "changed"
    assert film_titles.film_titles()["title"][0] == "Toy Story"
