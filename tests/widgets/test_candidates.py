from __future__ import annotations

import base64

import pandas as pd
import pytest
from stories import MOLECULES, Story

import aisteer as ai
from aisteer_widgets.candidates import search
from aisteer_widgets.pictures import structure

SMILES = ["c1ccccc1", "Oc1ccccc1", "Nc1ccccc1", "CO", "C=O"]


@pytest.fixture
def story(tmp_path):
    frame = pd.DataFrame(
        {"smiles": SMILES, "scaffold": ["benzene"] * 3 + ["", None], "heavy_atoms": [6, 7, 7, 2, 2]}
    )
    pool = ai.Pool(frame, "smiles", features=["heavy_atoms"])
    pool.save(tmp_path)
    task = {**MOLECULES["tasks"]["main"], "space": pool.to_json()}
    return Story({**MOLECULES, "tasks": {"main": task}}, "ionise").start()


def keys(found):
    return [item["key"] for item in found["items"]]


def test_candidates_are_found_by_any_column_the_exact_key_first(story, tmp_path):
    assert keys(search(tmp_path, story.state, "main", "")) == SMILES
    assert keys(search(tmp_path, story.state, "main", "benzene")) == SMILES[:3]
    assert keys(search(tmp_path, story.state, "main", "CO")) == ["CO"]
    found = search(tmp_path, story.state, "main", "nothing like it")
    assert (found["items"], found["words"]) == ([], "no candidate contains “nothing like it”")


def test_a_molecule_is_found_however_its_smiles_is_written(story, tmp_path):
    pytest.importorskip("rdkit")
    assert keys(search(tmp_path, story.state, "main", "C1=CC=CC=C1O")) == ["Oc1ccccc1"]
    assert keys(search(tmp_path, story.state, "main", "C1=CC=NC=C1")) == []


def test_in_a_smiles_capitals_mean_something_and_elsewhere_they_do_not(tmp_path):
    rings = ["C1CCCCC1", "c1ccccc1", "Oc1ccccc1"]
    frame = pd.DataFrame({"smiles": rings, "kind": ["Ring", "Arene", "Arene"], "size": [6, 6, 7]})
    pool = ai.Pool(frame, "smiles", features=["size"])
    pool.save(tmp_path)
    task = {**MOLECULES["tasks"]["main"], "space": pool.to_json()}
    state = Story({**MOLECULES, "tasks": {"main": task}}, "rings").start().state
    assert keys(search(tmp_path, state, "main", "c1ccccc1")) == ["c1ccccc1", "Oc1ccccc1"]
    assert keys(search(tmp_path, state, "main", "C1CCCCC1")) == ["C1CCCCC1"]
    assert keys(search(tmp_path, state, "main", "arene")) == ["c1ccccc1", "Oc1ccccc1"]


def test_a_candidate_says_nothing_of_columns_that_are_empty_for_it(story, tmp_path):
    (phenol,) = search(tmp_path, story.state, "main", "Oc1ccccc1")["items"]
    assert phenol["detail"] == "scaffold benzene, heavy atoms 7"
    (methanol,) = search(tmp_path, story.state, "main", "CO")["items"]
    assert methanol["detail"] == "heavy atoms 2"


def test_a_structure_is_a_picture_that_can_run_nothing():
    pytest.importorskip("rdkit")
    address = structure("c1ccccc1O")
    kind, _, data = address.partition(",")
    assert kind == "data:image/svg+xml;base64"
    drawn = base64.b64decode(data).decode()
    assert "<svg" in drawn
    assert "<script" not in drawn


@pytest.mark.parametrize("smiles", ["", "not a molecule", "C" * 5000, "<script>"])
def test_what_is_no_molecule_has_no_picture(smiles):
    assert structure(smiles) == ""
