"""Labelled frames are read whole, or refused with file, frame and atom."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import aisteer as ai
from aisteer.deep_potential.training.batches import BatchOrder, batch_sizes
from aisteer.deep_potential.training.inspection import find_neighbourhoods, refuse_overflow, without_outliers
from aisteer.deep_potential.training.reading import read_systems
from aisteer.deep_potential.training.settings import read_settings
from aisteer.deep_potential.training.systems import check_systems, split
from aisteer.errors import BadDefinition, BadTrainingData, NeighbourOverflow, NotSupported

DATA = Path(__file__).parents[1] / "fixtures" / "deep_potential" / "training"


@pytest.fixture
def bulk(tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(DATA / "bulk", tmp_path / "bulk"))


def change(folder: Path, name: str, place: tuple, value: float) -> None:
    path = folder / "set.000" / f"{name}.npy"
    array = np.load(path)
    array[place] = value
    np.save(path, array)


def as_frames(folder: Path) -> list[Atoms]:
    (system,) = read_systems(folder)
    frames = []
    for k in range(len(system)):
        periodic = any(system.periodic)
        atoms = Atoms(
            system.symbols, system.positions[k], cell=system.cells[k] if periodic else None, pbc=periodic
        )
        results = {"energy": system.energies[k], "forces": system.forces[k]}
        if system.virials is not None:
            results["stress"] = -(system.virials[k] / atoms.get_volume()).ravel()[[0, 4, 8, 5, 2, 1]]
        atoms.calc = SinglePointCalculator(atoms, **results)
        frames.append(atoms)
    return frames


# --- reading -----------------------------------------------------------------------------------


def test_a_folder_of_folders_is_all_its_systems():
    systems = read_systems(DATA)
    assert [(Path(s.name).name, len(s), s.periodic[0]) for s in systems] == [
        ("bulk", 10, True),
        ("cluster", 6, False),
    ]
    assert systems[0].symbols[:4] == ("O", "H", "H", "O")
    assert systems[0].virials.shape == (10, 3, 3)
    assert systems[1].virials is None


def test_frames_and_extended_xyz_give_what_the_folder_gives(tmp_path):
    frames = [*as_frames(DATA / "bulk"), *as_frames(DATA / "cluster")]
    write(tmp_path / "all.xyz", frames, format="extxyz")
    for found in (read_systems(frames), read_systems(tmp_path / "all.xyz")):
        for ours, folder in zip(found, read_systems(DATA), strict=True):
            assert ours.symbols == folder.symbols
            assert ours.periodic == folder.periodic
            for name in ("positions", "cells", "energies", "forces", "virials"):
                if getattr(folder, name) is not None:
                    assert getattr(ours, name) == pytest.approx(getattr(folder, name), abs=1e-7)


def test_what_is_written_is_read_again_and_is_deepmd_kits_format(tmp_path):
    ai.dp.write_npy(DATA, tmp_path / "copy")
    for ours, first in zip(read_systems(tmp_path / "copy"), read_systems(DATA), strict=True):
        assert ours.symbols == first.symbols
        assert np.array_equal(ours.positions, first.positions)
        assert np.array_equal(ours.forces, first.forces)
    assert (tmp_path / "copy" / "system.001" / "nopbc").exists()
    assert np.load(tmp_path / "copy" / "system.000" / "set.000" / "coord.npy").shape == (10, 72)


def test_a_model_trains_on_frames_of_an_ase_calculator():
    frames = []
    for seed in range(4):
        atoms = Atoms(
            "Cu4", [[0, 0, 0], [1.8, 1.8, 0], [1.8, 0, 1.8], [0, 1.8, 1.8]], cell=[3.6] * 3, pbc=True
        )
        atoms.rattle(0.05, seed=seed)
        atoms.calc = EMT()
        atoms.get_forces()
        frames.append(atoms)
    (system,) = read_systems(frames)
    assert system.virials == pytest.approx(
        np.array([-a.get_stress(voigt=False) * a.get_volume() for a in frames]), abs=1e-12
    )


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [
        ("coord", (3, 7), r"bulk, frame 3: the position of atom 2 \(H\) is not finite"),
        ("force", (9, 71), r"bulk, frame 9: the force of atom 23 \(H\) is not finite"),
        ("energy", (4,), "bulk, frame 4: the energy is not finite"),
        ("virial", (0, 5), "bulk, frame 0: the virial is not finite"),
    ],
)
def test_numbers_that_are_not_finite_are_named(bulk, name, place, said):
    change(bulk, name, place, np.nan)
    with pytest.raises(BadTrainingData, match=said):
        check_systems(read_systems(bulk))


def test_files_that_do_not_fit_each_other_are_named(bulk):
    path = bulk / "set.000" / "force.npy"
    np.save(path, np.load(path)[:, :69])
    with pytest.raises(BadTrainingData, match=r"force\.npy has the shape \(10, 69\).*10 frames of 24 atoms"):
        read_systems(bulk)


def ask_for_too_much(path) -> None:
    """A header that promises more numbers than any memory holds."""
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**12, 72)}
        np.lib.format.write_array_header_1_0(file, header)


def two_in_a_row(path) -> None:
    np.save(path, np.load(path).reshape(5, 144))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "set.000" / "coord.npy").write_bytes(b"no array"), r"coord\.npy cannot be read"),
        (lambda f: (f / "set.000" / "box.npy").unlink(), r"has no box\.npy.*nopbc"),
        (lambda f: (f / "type.raw").write_text("0 x"), r"type\.raw cannot be read"),
        (
            lambda f: (f / "type.raw").write_text("0 2 " * 12),
            "type.raw has the type 2, and there are 2 elements",
        ),
        (lambda f: (f / "type.raw").write_text("9" * 30), r"type\.raw cannot be read"),
        (lambda f: (f / "type_map.raw").write_bytes(b"\xff\xfe"), r"type_map\.raw cannot be read"),
        (lambda f: ask_for_too_much(f / "set.000" / "coord.npy"), r"coord\.npy cannot be read"),
        (lambda f: two_in_a_row(f / "set.000" / "coord.npy"), r"coord\.npy has the shape \(5, 144\)"),
        (lambda f: shutil.rmtree(f / "set.000"), "has no folders set"),
        (lambda f: (f / "type.raw").unlink(), "holds no system in deepmd/npy"),
        (lambda f: np.save(f / "set.000" / "real_atom_types.npy", np.zeros(1)), "deepmd/npy/mixed"),
    ],
)
def test_a_damaged_folder_is_named(bulk, damage, said):
    damage(bulk)
    with pytest.raises(BadTrainingData, match=said):
        read_systems(bulk)


def test_objects_in_an_array_are_not_unpickled(bulk):
    np.save(bulk / "set.000" / "energy.npy", np.array([object()] * 10), allow_pickle=True)
    with pytest.raises(BadTrainingData, match=r"energy\.npy cannot be read"):
        read_systems(bulk)


def test_an_empty_set_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(BadTrainingData, match="the set is empty"):
        check_systems(read_systems([]))
    with pytest.raises(BadTrainingData, match=r"There is no .*frames\.xyz"):
        read_systems(tmp_path / "frames.xyz")
    (tmp_path / "frames.xyz").write_text("nothing of the kind")
    with pytest.raises(BadTrainingData, match="cannot be read"):
        read_systems(tmp_path / "frames.xyz")


def test_frames_without_labels_are_named():
    frames = as_frames(DATA / "cluster")
    frames[2].calc = None
    with pytest.raises(BadTrainingData, match="frame 2 has neither energy nor forces"):
        read_systems(frames)
    frames[2].calc = EMT()
    with pytest.raises(BadTrainingData, match="frame 2: its calculator has not been run yet"):
        read_systems(frames)


def test_results_of_another_structure_are_refused():
    frames = as_frames(DATA / "cluster")
    frames[3].positions += 0.1 * np.arange(15).reshape(5, 3)
    with pytest.raises(BadTrainingData, match="frame 3: its calculator's results are of another structure"):
        read_systems(frames)


def test_an_unknown_element_is_named():
    with pytest.raises(BadTrainingData, match=r"bulk: atom 1 is 'H', which is not in the type map \(O, Cl\)"):
        find_neighbourhoods(read_systems(DATA / "bulk"), ("O", "Cl"), 4.0)


def test_atoms_on_top_of_each_other_are_named(bulk):
    path = bulk / "set.000" / "coord.npy"
    coord = np.load(path)
    coord[6, 3:6] = coord[6, 30:33] + 0.1
    np.save(path, coord)
    with pytest.raises(BadTrainingData, match=r"bulk, frame 6: atoms 1 \(H\) and 10 \(H\) are 0\.17 Å apart"):
        find_neighbourhoods(read_systems(bulk), ("O", "H"), 4.0)


def test_more_neighbours_than_sel_are_named():
    systems = read_systems(DATA / "bulk")
    near = find_neighbourhoods(systems, ("O", "H"), 4.0)
    with pytest.raises(
        NeighbourOverflow, match=r"frame 0: atom 0 \(O\) has \d+ neighbours H, and sel is \[14, 12\]"
    ):
        refuse_overflow(systems, near, (14, 12), ("O", "H"))


def test_labels_of_failed_calculations_are_listed_and_left_out_when_told(bulk):
    change(bulk, "energy", (2,), np.load(bulk / "set.000" / "energy.npy")[2] + 5.0)
    change(bulk, "force", (7, 10), 60.0)
    systems = read_systems([bulk, DATA / "cluster"])
    with pytest.raises(BadTrainingData, match="2 of 16 frames") as refused:
        without_outliers(systems, "refuse")
    assert [line.split("bulk, ")[1][:16] for line in refused.value.facts["frames"]] == [
        "frame 2: energy ",
        "frame 7: a force",
    ]
    kept, lines = without_outliers(systems, "drop")
    assert [list(system.numbers) for system in kept] == [[0, 1, 3, 4, 5, 6, 8, 9], list(range(6))]
    assert len(lines) == 2
    assert without_outliers(systems, "keep") == (systems, [])
    assert without_outliers(read_systems(DATA), "refuse")[1] == []


# --- order and settings ------------------------------------------------------------------------


def test_each_frame_comes_once_before_any_comes_again_and_the_order_can_be_gone_on_with():
    order = BatchOrder([10, 6], [3, 4], [1])
    seen: list[list[int]] = [[], []]
    for _ in range(200):
        system, frames = order.take()
        seen[system] += frames.tolist()
    for system, size in ((0, 10), (1, 6)):
        assert sorted(seen[system][:size]) == list(range(size))
        assert sorted(seen[system][size : 2 * size]) == list(range(size))
    state = order.state()
    ahead = [order.take()[1].tolist() for _ in range(20)]
    other = BatchOrder([10, 6], [3, 4], [2])
    other.restore(state)
    assert [other.take()[1].tolist() for _ in range(20)] == ahead


def test_batches_have_the_size_of_deepmd_kits_rules():
    assert batch_sizes("auto", [192, 24, 5]) == [1, 2, 7]
    assert batch_sizes("auto:100", [24]) == [5]
    assert batch_sizes("max:100", [24, 300]) == [4, 1]
    assert batch_sizes([2, 3], [10, 10]) == [2, 3]
    with pytest.raises(BadDefinition, match="batch_size"):
        batch_sizes("mixed:8", [10])


def test_validation_frames_are_held_back_of_all_systems():
    training, held = split(read_systems(DATA), 0.25, seed=1)
    assert sum(map(len, training)) == 12
    assert sum(map(len, held)) == 4
    assert split(read_systems(DATA), 0.25, seed=1)[1][0].numbers.tolist() == held[0].numbers.tolist()
    with pytest.raises(BadTrainingData, match="cannot be held back"):
        split(read_systems(DATA), 1.0, seed=1)


def test_an_input_json_has_deepmd_kits_defaults():
    found = read_settings({"training": {"training_data": {"systems": "there"}, "stop_batch": 50}})
    assert found.model["descriptor"]["neuron"] == [10, 20, 40]
    assert found.model["fitting_net"]["neuron"] == [120, 120, 120]
    assert (found.rate["start_lr"], found.rate["stop_lr"], found.rate["decay_steps"]) == (1e-3, 5e-8, 5000)
    assert (found.loss.start.force, found.loss.limit.force, found.loss.start.virial) == (1000, 1, 0)
    assert (found.steps, found.batch, found.systems) == (50, "auto", ["there"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": {"descriptor": {"type": "se_atten", "attn": 128}}}, "descriptor 'se_atten'"),
        ({"model": {"spin": {"use_spin": [True]}}}, "spin"),
        ({"model": {"fitting_net": {"numb_fparam": 1}}}, "numb_fparam = 1"),
        ({"model": {"fitting_net": {"numb_aparam": 2}}}, "numb_aparam = 2"),
        ({"model": {"fitting_net": {"type": "dipole"}}}, "fitting_net 'dipole'"),
        ({"model": {"descriptor": {"activation_function": "gelu"}}}, "activation_function = 'gelu'"),
        ({"model": {"descriptor": {"trainable": False}}}, "trainable = False"),
        ({"loss": {"type": "dos"}}, "type = 'dos'"),
        ({"loss": {"start_pref_ae": 1}}, "start_pref_ae = 1"),
        ({"loss": {"use_huber": True}}, "use_huber = True"),
        ({"learning_rate": {"type": "cosine"}}, "type = 'cosine'"),
        ({"learning_rate": {"warmup_steps": 10}}, "warmup_steps = 10"),
        ({"optimizer": {"type": "LKF"}}, "type = 'LKF'"),
        ({"training": {"mixed_precision": {"compute_prec": "float16"}}}, "mixed_precision"),
        ({"training": {"gradient_max_norm": 5.0}}, "gradient_max_norm"),
        ({"training": {"training_data": {"auto_prob": "prob_sys_size;0:1:0.5"}}}, "auto_prob"),
    ],
)
def test_what_is_not_done_is_refused_by_name(given, said):
    with pytest.raises(NotSupported, match=said):
        read_settings(given)


@pytest.mark.parametrize(
    ("section", "option", "value"),
    [
        ("training", "numb_steps", "many"),
        ("training", "seed", -3),
        ("training", "save_freq", 1.5),
        ("learning_rate", "start_lr", None),
        ("learning_rate", "start_lr", 0),
        ("learning_rate", "stop_lr", float("nan")),
        ("learning_rate", "decay_steps", 0),
        ("learning_rate", "decay_rate", -1),
        ("learning_rate", "stop_lr_ratio", "small"),
        ("loss", "start_pref_e", "x"),
        ("loss", "limit_pref_f", -1),
        ("optimizer", "adam_beta1", 1),
        ("descriptor", "rcut", 1e9),
        ("descriptor", "rcut_smth", 7.0),
        ("descriptor", "neuron", []),
        ("descriptor", "neuron", [8, 0]),
        ("descriptor", "axis_neuron", 100),
        ("descriptor", "sel", 5),
        ("descriptor", "sel", [-1, 3]),
        ("descriptor", "exclude_types", [0]),
        ("fitting_net", "neuron", "wide"),
    ],
)
def test_values_that_cannot_be_meant_are_named(section, option, value):
    part = {section: {option: value}}
    with pytest.raises(BadDefinition, match=option):
        read_settings({"model": part} if section in {"descriptor", "fitting_net"} else part)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"steps": "5"}, "whole number, not '5'"),
        ({"steps": 2.5}, "whole number, not 2.5"),
        ({"committee": "2"}, "one member or more"),
        ({"seed": -1}, "seed is a whole number"),
        ({"batch_size": "auto:x"}, "batch_size is a number"),
        ({"batch_size": "auto:0"}, "batch_size is a number"),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
        ({"settings": {"model": {"type_map": ["O", "O"]}}}, "each once"),
        ({"settings": {"model": {"descriptor": {"exclude_types": [[0, 9]]}}}}, "types are 0 to 1"),
        ({"settings": {"model": {"descriptor": {"sel": "auto:x"}}}}, "sel is a list"),
        ({"settings": {"training": {"training_data": {"systems": 5}}}}, "systems is a folder"),
    ],
)
def test_arguments_that_cannot_be_meant_are_named(bulk, arguments, said):
    with pytest.raises(BadDefinition, match=said):
        ai.dp.train(bulk, progress=False, **{"steps": 1, "committee": 1, **arguments})


def test_what_deepmd_kit_does_not_know_either_is_refused(tmp_path):
    with pytest.raises(BadDefinition, match="descriptor has no option 'neurons'"):
        read_settings({"model": {"descriptor": {"neurons": [1]}}})
    with pytest.raises(BadDefinition, match="no section 'trainning'"):
        read_settings({"trainning": {}})
    (tmp_path / "input.json").write_text("{")
    with pytest.raises(BadDefinition, match=r"input\.json cannot be read"):
        read_settings(tmp_path / "input.json")
