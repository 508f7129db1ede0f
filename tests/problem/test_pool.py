from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisteer.errors import BadDefinition, BadParameters
from aisteer.problem.pool import Pool, space_from_json


def molecules(**change) -> Pool:
    columns = {
        "smiles": ["CO", "CCO", "c1ccccc1O"],
        "mass": [32.04, 46.07, 94.11],
        "charge": [0, 1, 0],
    }
    return Pool({**columns, **change}, key="smiles", features=["mass"])


def test_a_candidate_is_named_by_its_key_and_brings_its_other_parameters():
    pool = Pool(
        {"smiles": ["CO", "CCO"], "charge": [0, 1], "mass": [32.0, 46.0]},
        key="smiles",
        parameters=["smiles", "charge"],
        features=["mass"],
    )
    assert pool.validate({"smiles": "CCO"}) == {"smiles": "CCO", "charge": 1}
    assert pool.validate({"smiles": "CCO", "charge": 1}) == {"smiles": "CCO", "charge": 1}
    with pytest.raises(BadParameters, match="charge = 0 does not belong to 'CCO'"):
        pool.validate({"smiles": "CCO", "charge": 0})


@pytest.mark.parametrize(
    ("given_parameters", "words"),
    [
        ({"smiles": "CCCO"}, "not among the 3 candidates.*Did you mean 'CCO'"),
        ({}, "named by its 'smiles'"),
        ({"smile": "CO"}, "Did you mean 'smiles'"),
    ],
)
def test_what_is_not_in_the_pool_is_refused(given_parameters, words):
    with pytest.raises(BadParameters, match=words):
        molecules().validate(given_parameters)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"smiles": ["CO", "CO", "C"]}, "'CO' stands in rows 0 and 1"),
        ({"smiles": ["CO", None, "C"]}, "missing in row 1"),
        ({"smiles": ["CO", "", "C"]}, "missing in row 1"),
        ({"mass": [1.0, float("nan"), 2.0]}, "'mass' is missing or no number in row 1"),
        ({"mass": [1.0, float("inf"), 2.0]}, "inf in row 1"),
        ({"mass": [1.0, "heavy", 2.0]}, "mixes float and str"),
        ({"mass": [1.0, 2.0]}, "differ in length"),
        ({"mass": [1.0, [2], 2.0]}, "holds text, numbers"),
    ],
)
def test_a_pool_that_cannot_work_is_refused_with_the_row(change, words):
    with pytest.raises(BadDefinition, match=words):
        molecules(**change)


def test_features_may_be_an_array_of_the_right_shape():
    columns = {"name": ["a", "b"]}
    pool = Pool(columns, key="name", features=np.array([[0, 1, 1], [1, 0, 0]], dtype=np.uint8))
    assert pool.features(["b", "a"]).tolist() == [[1, 0, 0], [0, 1, 1]]
    assert pool.features().shape == (2, 3)
    assert pool.encode([{"name": "b"}]).tolist() == [[1, 0, 0]]
    with pytest.raises(BadDefinition, match=r"\(candidates, features\) = \(2, f\)"):
        Pool(columns, key="name", features=np.zeros((3, 2)))


def test_a_data_frame_and_a_dict_of_columns_are_the_same_pool():
    frame = pd.DataFrame({"smiles": ["CO", "CCO"], "mass": [32.0, 46.0]})
    from_frame = Pool(frame, key="smiles", features=["mass"])
    from_dict = Pool({"smiles": ["CO", "CCO"], "mass": [32.0, 46.0]}, key="smiles", features=["mass"])
    assert from_frame.sha256 == from_dict.sha256
    assert from_frame.frame().equals(frame)


def test_a_pool_is_kept_once_and_comes_back_as_it_was(tmp_path):
    pool = molecules()
    identity = pool.save(tmp_path)
    assert pool.save(tmp_path) == identity
    assert [p.name for p in (tmp_path / "pools").iterdir()] == [identity]
    again = space_from_json(json.loads(json.dumps(pool.to_json())), tmp_path)
    assert again.keys == pool.keys
    assert again.columns == pool.columns
    assert np.array_equal(again.matrix, pool.matrix)
    assert again.sha256 == identity


def test_a_stored_pool_that_was_changed_is_not_believed(tmp_path):
    identity = molecules().save(tmp_path)
    target = tmp_path / "pools" / identity / "candidates.csv"
    target.write_text(target.read_text().replace("CCO", "CCN"))
    with pytest.raises(BadDefinition, match="was changed after it was stored"):
        Pool.load(tmp_path, identity)
    with pytest.raises(BadDefinition, match="not the hash"):
        Pool.load(tmp_path, "../../etc/passwd")


text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(keys=st.lists(text, min_size=1, max_size=8, unique=True), note=st.one_of(st.none(), text))
def test_any_text_survives_the_file_and_no_cell_is_a_formula(tmp_path_factory, keys, note):
    folder = tmp_path_factory.mktemp("pool")
    pool = Pool(
        {"key": keys, "note": [note] * len(keys), "f": list(range(len(keys)))}, key="key", features=["f"]
    )
    again = Pool.load(folder, pool.save(folder))
    assert again.columns == pool.columns
    with (folder / "pools" / pool.sha256 / "candidates.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def test_samples_are_different_candidates():
    pool = Pool({"k": list(range(50)), "f": [0.5] * 50}, key="k", features=["f"])
    points = pool.sample(20, 0)
    assert len({p["k"] for p in points}) == 20
    assert len(pool.sample(80, 0)) == 50
