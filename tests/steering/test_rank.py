from __future__ import annotations

import pytest

from aisteer.steering.rank import moved, ordinal, ranked


@pytest.mark.parametrize(
    ("n", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (1293, "1,293rd")],
)
def test_a_place_is_an_ordinal_number(n, words):
    assert ordinal(n) == words


def test_a_rank_never_stands_without_what_it_is_among():
    assert ranked(3, 1430) == "3rd of 1,430 candidates"
    assert ranked(1, 1) == "1st of 1 candidate"
    assert ranked(3, None) == ranked(None, 5) == ""


def test_a_move_names_both_counts_where_they_differ():
    assert moved(1, 1430, 1135, 1430) == "from 1st to 1,135th of 1,430 candidates"
    assert moved(1, 1434, 1135, 1430) == "from 1st of 1,434 candidates to 1,135th of 1,430"
    assert moved(None, None, 1135, 1430) == "to 1,135th of 1,430 candidates"
