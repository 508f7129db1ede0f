"""Model files: read, written, and refused by name."""

from __future__ import annotations

import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import aisteer as ai
from aisteer.errors import BadModel, Untrusted


def changed(source: Path, target: Path, change) -> Path:
    content = torch.load(source, weights_only=True)
    change(content["model"], content["model"]["_extra_state"]["model_params"])
    torch.save(content, target)
    return target


def test_a_description_says_what_the_model_is_made_of(models):
    model = ai.dp.load(models / "excluded.ckpt.pt")
    (description,) = model.members
    assert model.type_map == ("Cl", "H", "O")
    assert description.descriptor.excluded == {(1, 1)}
    assert description.descriptor.sel == (2, 28, 14)
    assert (description.descriptor.mean == 0).all()
    assert description.descriptor.networks[0, 1] is description.descriptor.networks[2, 1]
    assert description.fitting.networks[0][1].idt is not None
    two_sided = ai.dp.load(models / "two-sided.ckpt.pt").members[0].descriptor
    assert not two_sided.one_sided
    assert two_sided.networks[0, 1] is not two_sided.networks[1, 1]
    assert repr(model) == "<DeepPotential: model, Cl/H/O, cutoff 4 Å, sel [2, 28, 14]>"


@pytest.mark.parametrize("name", ["water-0", "two-sided", "excluded", "single"])
def test_what_is_written_is_what_was_read(models, answers, tmp_path, name):
    """The same weights under the same names as deepmd-kit's own file, no more and no fewer."""
    model = ai.dp.load(models / f"{name}.ckpt.pt")
    (written,) = model.save(tmp_path / "copy.pt")
    ours = torch.load(written, weights_only=True)
    theirs = torch.load(models / f"{name}.ckpt.pt", weights_only=True)["model"]
    assert set(ours) == set(theirs)
    for key in set(theirs) - {"_extra_state"}:
        assert torch.equal(ours[key], theirs[key]), key
        assert ours[key].dtype == theirs[key].dtype, key
    assert ours["_extra_state"]["model_params"] == theirs["_extra_state"]["model_params"]
    frames = answers.frames("bulk")
    again = ai.dp.load(written).evaluate(*frames, exact=True)
    assert np.array_equal(again.forces, model.evaluate(*frames, exact=True).forces)


def test_a_committee_is_saved_to_as_many_files(models, tmp_path):
    committee = ai.dp.load([models / "water-0.ckpt.pt", models / "water-1.ckpt.pt"])
    with pytest.raises(BadModel, match="2 models and 1 paths"):
        committee.save(tmp_path / "a.pt")
    with pytest.raises(BadModel, match=r"name it a\.pt"):
        committee.save(tmp_path / "a.ckpt", tmp_path / "b.pt")
    assert [path.exists() for path in committee.save(tmp_path / "a.pt", tmp_path / "b.pt")] == [True, True]


def test_a_frozen_model_needs_trust_and_answers_the_same(models, answers):
    with pytest.raises(Untrusted, match="trust=True"):
        ai.dp.load(models / "water-0.pth")
    frozen = ai.dp.load(models / "water-0.pth", trust=True)
    theirs = answers.of("bulk", "water-0")
    assert np.abs(frozen.evaluate(*answers.frames("bulk"), exact=True).forces - theirs.forces).max() < 1e-10


def test_a_frozen_model_that_asks_for_more_than_weights_is_refused(models, tmp_path):
    trace, file = tmp_path / "trace", tmp_path / "frozen.pth"
    with zipfile.ZipFile(models / "water-0.pth") as whole, zipfile.ZipFile(file, "w") as made:
        for name in whole.namelist():
            spoiled = name.endswith("/data.pkl")
            made.writestr(name, pickle.dumps(Code(trace)) if spoiled else whole.read(name))
    with pytest.raises(BadModel, match=r"frozen\.pth .* asks for builtins\.exec"):
        ai.dp.load(file, trust=True)
    assert not trace.exists()


class Code:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').write('run')",))


@pytest.mark.parametrize("kind", ["zip", "pickle"])
def test_code_in_a_file_is_not_run(models, tmp_path, kind):
    file, trace = tmp_path / "model.ckpt.pt", tmp_path / "trace"
    if kind == "zip":
        torch.save({"model": {"_extra_state": Code(trace)}}, file)
    else:
        file.write_bytes(pickle.dumps({"model": Code(trace)}, protocol=2))
    with pytest.raises((Untrusted, BadModel), match=r"model\.ckpt\.pt"):
        ai.dp.load(file)
    assert not trace.exists()


def test_code_hidden_in_a_whole_checkpoint_is_named_and_not_run(models, tmp_path):
    trace = tmp_path / "trace"
    file = changed(
        models / "water-0.ckpt.pt", tmp_path / "m.pt", lambda state, _: state.update(extra=Code(trace))
    )
    with pytest.raises(Untrusted, match="nothing of it was run"):
        ai.dp.load(file)
    assert not trace.exists()


@pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_named(models, tmp_path, part):
    whole = (models / "water-0.ckpt.pt").read_bytes()
    file = tmp_path / "half.pt"
    file.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(BadModel, match=r"half\.pt"):
        ai.dp.load(file)


@pytest.mark.parametrize("source", ["water-0.ckpt.pt", "water-0.pth"])
def test_a_file_with_one_wrong_byte_is_named_or_holds_the_same_model(models, tmp_path, source):
    """Among the weights too, where PyTorch takes whatever is there."""
    whole, file, trust = (models / source).read_bytes(), tmp_path / source, source.endswith(".pth")
    matrix = ai.dp.load(models / source, trust=trust).members[0].fitting.networks[0][0].matrix
    weights = whole.index(matrix.tobytes())
    rng = np.random.default_rng(0)
    for place in (weights, 0, 4, len(whole) - 1, len(whole) - 12, *rng.integers(0, len(whole), 40)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        file.write_bytes(damaged)
        try:
            found = ai.dp.load(file, trust=trust).members[0].fitting.networks[0][0].matrix
        except (BadModel, Untrusted) as error:
            named = source in str(error)
        else:  # a byte that means nothing
            named = place != weights and np.array_equal(found, matrix)
        assert named


@pytest.mark.parametrize(
    "change",
    [
        lambda params: params.update(type_map=[["O"], ["H"]]),
        lambda params: params.update(type_map=[1, 2]),
        lambda params: params["descriptor"].update(precision=[]),
        lambda params: params["descriptor"].update(activation_function=torch.zeros(2)),
        lambda params: params["descriptor"].update(axis_neuron=float("inf")),
        lambda params: params["descriptor"].update(rcut=float("inf")),
        lambda params: params["descriptor"].update(sel=[-1, 43]),
        lambda params: params["descriptor"].update(sel=[10**13, 28]),
        lambda params: params["fitting_net"].update(neuron=None),
    ],
)
def test_hyperparameters_that_cannot_be_meant_are_named(models, tmp_path, change):
    file = changed(models / "water-0.ckpt.pt", tmp_path / "odd.pt", lambda _, params: change(params))
    with pytest.raises(BadModel, match=r"odd\.pt"):
        ai.dp.load(file)


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        (None, {}, "no paths"),
        ([1], {}, "named by its path"),
        ("water-0.ckpt.pt", {"r_min": -1.0}, "r_min is a number above 0"),
        ("water-0.ckpt.pt", {"target": float("nan")}, "target is a number above 0"),
        ("water-0.ckpt.pt", {"target": "small"}, "target is a number above 0"),
    ],
)
def test_options_of_loading_that_cannot_be_meant_are_named(models, path, options, said):
    with pytest.raises(BadModel, match=said):
        ai.dp.load(models / path if isinstance(path, str) else path, **options)


def test_what_stood_at_a_path_stands_until_the_new_model_is_whole(models, tmp_path, monkeypatch):
    model, path = ai.dp.load(models / "water-0.ckpt.pt"), tmp_path / "model.ckpt.pt"
    with pytest.raises(BadModel, match="cannot be written"):
        model.save(tmp_path / "nowhere" / "model.ckpt.pt")
    model.save(path)

    def interrupted(_, file):
        Path(file).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", interrupted)
    with pytest.raises(BadModel, match="no space left"):
        model.save(path)
    assert ai.dp.load(path).type_map == model.type_map


def test_other_formats_are_refused_with_what_to_do(tmp_path):
    graph = tmp_path / "frozen.pb"
    graph.write_bytes(b"\n\x10graph")
    with pytest.raises(BadModel, match=r"dp convert-backend frozen\.pb frozen\.pth"):
        ai.dp.load(graph)
    with pytest.raises(BadModel, match="There is no file"):
        ai.dp.load(tmp_path / "nothing.pt")
    with pytest.raises(BadModel, match="is a folder"):
        ai.dp.load(tmp_path)


def test_foreign_files_are_refused(tmp_path):
    text, archive, other = tmp_path / "a.pt", tmp_path / "b.pt", tmp_path / "c.pt"
    text.write_text("not a model")
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("readme", "no model")
    torch.save({"state_dict": {"weight": torch.ones(3)}}, other)
    for file in (text, archive, other):
        with pytest.raises(BadModel, match=file.name):
            ai.dp.load(file)


def test_an_old_checkpoint_is_told_how_to_become_new(models, tmp_path):
    file = changed(
        models / "water-0.ckpt.pt", tmp_path / "old.pt", lambda state, _: state.pop("_extra_state")
    )
    with pytest.raises(BadModel, match="older version"):
        ai.dp.load(file)

    def rename(state, _):
        for key in [key for key in state if ".sea.filter_layers.networks." in key]:
            state[key.replace("filter_layers.networks", "filter_layers_old")] = state.pop(key)

    with pytest.raises(BadModel, match="is missing"):
        ai.dp.load(changed(models / "water-0.ckpt.pt", tmp_path / "older.pt", rename))


@pytest.mark.parametrize(
    ("part", "option", "value", "named"),
    [
        ("descriptor", "type", "se_atten", "descriptor 'se_atten'"),
        ("descriptor", "type", "dpa2", "descriptor 'dpa2'"),
        ("descriptor", "activation_function", "gelu", "activation_function"),
        ("descriptor", "precision", "bfloat16", "bfloat16"),
        ("fitting_net", "type", "dipole", "fitting_net 'dipole'"),
        ("fitting_net", "numb_fparam", 2, "numb_fparam = 2"),
        (None, "type", "linear_ener", "type 'linear_ener'"),
        (None, "pair_exclude_types", [[0, 1]], "pair_exclude_types"),
        (None, "spin", {"use_spin": [True]}, "spin"),
    ],
)
def test_what_is_not_supported_is_named_with_what_is(models, tmp_path, part, option, value, named):
    def change(_, params):
        (params if part is None else params[part])[option] = value

    file = changed(models / "water-0.ckpt.pt", tmp_path / "other.pt", change)
    with pytest.raises(BadModel, match=r"other\.pt .*Supported are .*'se_e2_a'") as refused:
        ai.dp.load(file)
    assert named in str(refused.value)


def test_weights_that_do_not_fit_are_refused(models, tmp_path):
    key = "model.Default.atomic_model.fitting_net.filter_layers.networks.0.layers.0.matrix"

    def narrow(state, _):
        state[key] = state[key][:, :-1].clone()

    with pytest.raises(BadModel, match="the fitting net of O has other widths"):
        ai.dp.load(changed(models / "water-0.ckpt.pt", tmp_path / "narrow.pt", narrow))

    def spoil(state, _):
        state[key] = torch.full_like(state[key], torch.nan)

    with pytest.raises(BadModel, match="not finite"):
        ai.dp.load(changed(models / "water-0.ckpt.pt", tmp_path / "nan.pt", spoil))


def test_members_that_differ_are_no_committee(models, tmp_path):
    first = models / "water-0.ckpt.pt"
    with pytest.raises(BadModel, match=r"type map of .*water-0.* that of .*excluded"):
        ai.dp.load([first, models / "excluded.ckpt.pt"])
    shorter = changed(first, tmp_path / "short.pt", lambda _, params: params["descriptor"].update(rcut=3.5))
    with pytest.raises(BadModel, match=r"cutoff of .*4\.0, that of .*short\.pt is 3\.5"):
        ai.dp.load([first, shorter])
    with pytest.raises(BadModel, match="no paths"):
        ai.dp.load([])


def test_the_name_costs_nothing_until_it_is_used():
    code = (
        "import aisteer as ai, sys; ai.dp; dir(ai.dp); print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False False"


def test_what_is_not_installed_is_named():
    code = "import sys; sys.modules['torch'] = None; import aisteer as ai; ai.dp.load"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtra: ai.dp.load cannot be used: torch is not installed" in answer.stderr
    assert 'pip install "aisteer[dp]"' in answer.stderr
