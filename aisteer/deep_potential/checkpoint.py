"""deepmd-kit's checkpoints: what they say becomes a description, and a description becomes one again."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.deep_potential.description import Description, Descriptor, Fitting, Layer, Network
from aisteer.deep_potential.formats import Weights, read_weights
from aisteer.deep_potential.support import check_supported, precision_of
from aisteer.errors import BadModel

__all__ = ["read_checkpoint", "write_checkpoint"]

_EMBEDDING = "descriptor.sea.filter_layers.networks"
_FITTING = "fitting_net.filter_layers.networks"
_NO_CUTOFF = 100.0  # Å; what is larger is a slip, and a search for neighbours would not end


def read_checkpoint(path: str | Path, *, trust: bool = False) -> Description:
    """Read one model that deepmd-kit trained.

    Args:
        path: ``model.ckpt.pt``, or a frozen ``.pth``.
        trust: Let code in the file run; frozen models need it.

    Raises:
        BadModel: The file is missing, broken, foreign, or of a model that is not supported.
        Untrusted: It would need ``trust=True``.
    """
    path = Path(path).expanduser()
    params, weights = read_weights(path, trust=trust)
    try:
        check_supported(path, params)
        description = _described(path, params, weights)
    except BadModel:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError) as error:
        missing = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise BadModel(
            f"{path} is not whole: {missing}. No model was loaded. It may come from another version of deepmd-kit than "
            "3: continue its training for one step with that (`dp --pt train input.json --init-model …`).",
            path=str(path),
        ) from error
    _check_shapes(description)
    return description


def _described(path: Path, params: dict[str, Any], weights: Weights) -> Description:
    type_map = tuple(str(name) for name in params["type_map"])
    types, wanted = len(type_map), params["descriptor"]
    sel = tuple(int(n) for n in wanted["sel"])
    one_sided = not any(name.startswith(f"{_EMBEDDING}.{types}.") for name in weights)
    nets = [_network(weights, f"{_EMBEDDING}.{k}") for k in range(types if one_sided else types**2)]
    excluded = {(int(i), int(j)) for i, j in wanted.get("exclude_types") or []}
    descriptor = Descriptor(
        cutoff=float(wanted["rcut"]),
        smooth_from=float(wanted["rcut_smth"]),
        sel=sel,
        neuron=tuple(int(n) for n in wanted["neuron"]),
        axis=int(wanted["axis_neuron"]),
        one_sided=one_sided,
        excluded=frozenset(excluded | {(j, i) for i, j in excluded}),
        mean=_per_type(weights["descriptor.sea.mean"], sel),
        std=_per_type(weights["descriptor.sea.stddev"], sel),
        networks={
            (i, j): nets[j if one_sided else j * types + i] for i in range(types) for j in range(types)
        },
        precision=precision_of(wanted),
    )
    fitting = Fitting(
        neuron=tuple(int(n) for n in params["fitting_net"]["neuron"]),
        networks=tuple(_network(weights, f"{_FITTING}.{i}") for i in range(types)),
        precision=precision_of(params["fitting_net"]),
    )
    bias = weights["fitting_net.bias_atom_e"].astype(float)[:, 0] + weights["out_bias"].astype(float)[0, :, 0]
    least = float(weights.get("min_nbor_dist", np.array(-1.0)))
    nearest = least if least > 0 else None
    spread = weights["out_std"].astype(float)[0, :, 0]
    return Description(
        type_map, descriptor, fitting, bias, spread, nearest, hyperparameters=params, source=path
    )


def _per_type(statistics: NDArray[Any], sel: tuple[int, ...]) -> NDArray[Any]:
    """Of shape (types, slots, 4): every slot of a type has the same, or the closed form of padding would not hold."""
    if min(sel) < 0 or statistics.shape[1] != sum(sel):
        raise ValueError(f"its sel is {list(sel)}, and davg and dstd are of {statistics.shape[1]} slots")
    if not (statistics == statistics[:, :1]).all():
        raise ValueError("davg or dstd differs between the neighbours of one type")
    if statistics.shape[1] == 0:
        raise ValueError("davg or dstd has no slots")
    return statistics[:, 0].copy()


def _network(weights: Weights, prefix: str) -> Network:
    layers: list[Layer] = []
    while f"{prefix}.layers.{len(layers)}.matrix" in weights:
        stem = f"{prefix}.layers.{len(layers)}"
        layers.append(Layer(weights[f"{stem}.matrix"], weights[f"{stem}.bias"], weights.get(f"{stem}.idt")))
    if not layers:
        raise KeyError(f"{prefix}.layers.0.matrix")
    return tuple(layers)


def _check_shapes(description: Description) -> None:
    described, types = description.descriptor, description.types
    widths = (1, *described.neuron)
    for (centre, neighbour), network in described.networks.items():
        _check_network(description, network, widths, f"the embedding net ({centre}, {neighbour})")
    widths = (described.neuron[-1] * described.axis, *description.fitting.neuron, 1)
    for kind, network in enumerate(description.fitting.networks):
        _check_network(description, network, widths, f"the fitting net of {description.type_map[kind]}")
    for name, array, shape in (
        ("sel", np.array(described.sel), (types,)),
        ("davg", described.mean, (types, 4)),
        ("dstd", described.std, (types, 4)),
        ("the energy bias", description.bias, (types,)),
    ):
        if array.shape != shape or not np.isfinite(array).all():
            raise BadModel(
                f"{description.name}: {name} has the shape {array.shape} where {shape} was expected, or is not finite. "
                "No model was loaded.",
                path=description.name,
            )
    if (described.std == 0).any() or not 0 <= described.smooth_from < described.cutoff < _NO_CUTOFF:
        raise BadModel(
            f"{description.name}: dstd is zero, rcut_smth is not below rcut, or rcut not below {_NO_CUTOFF:g} Å. No "
            "model was loaded.",
            path=description.name,
        )


def _check_network(description: Description, network: Network, widths: tuple[int, ...], what: str) -> None:
    for number, layer in enumerate(network):
        shape = widths[number : number + 2]
        sound = (
            len(network) == len(widths) - 1 and layer.matrix.shape == shape and layer.bias.shape == shape[1:]
        )
        if not sound or (layer.idt is not None and layer.idt.shape != shape[1:]):
            raise BadModel(
                f"{description.name}: {what} has other widths than its hyperparameters say ({widths}). No model was "
                "loaded.",
                path=description.name,
            )
        if not all(np.isfinite(a).all() for a in (layer.matrix, layer.bias, layer.idt) if a is not None):
            raise BadModel(
                f"{description.name}: {what} holds numbers that are not finite, so its training went wrong. Load an "
                "earlier checkpoint.",
                path=description.name,
            )


def write_checkpoint(description: Description, path: str | Path) -> Path:
    """Write a checkpoint that deepmd-kit evaluates, freezes, and begins a training from (``--init-model``).

    Args:
        description: The model.
        path: Must end in ``.pt``, by which deepmd-kit knows a checkpoint.

    Returns:
        Where it is. What stood there before stands until the new one is whole.

    Raises:
        BadModel: Another suffix, or the file cannot be written.
    """
    import torch

    path = Path(path).expanduser()
    if path.suffix != ".pt":
        raise BadModel(f"{path}: deepmd-kit knows a checkpoint by its suffix, so name it {path.stem}.pt.")
    prefix = "model.Default.atomic_model."
    state: dict[str, Any] = {}
    for name, array in _weights(description).items():
        tensor = state[prefix + name] = torch.as_tensor(np.ascontiguousarray(array))
        if (
            ".networks." in name
        ):  # deepmd-kit has each net under two names, and a training begins only from both
            state[prefix + name.replace(".networks.", "._networks.")] = tensor
    if description.nearest is not None:
        state["model.Default.min_nbor_dist"] = torch.tensor(description.nearest, dtype=torch.float64)
    state["_extra_state"] = {
        "model_params": copy.deepcopy(description.hyperparameters),
        "train_infos": {"lr": 0.0, "step": 0},
    }
    unfinished = path.with_name(f"{path.name}.part")
    try:
        torch.save(state, unfinished)
        unfinished.replace(path)
    except (OSError, RuntimeError) as error:  # PyTorch says RuntimeError where a folder is missing
        raise BadModel(
            f"{path} cannot be written ({error}), so the model is not saved. Name a folder that is there and yours.",
            path=str(path),
        ) from error
    return path


def _weights(description: Description) -> Weights:
    described, types = description.descriptor, description.types
    kind = np.dtype(described.precision)

    def slots(statistics: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(statistics[:, None], described.slots, axis=1).astype(kind)

    weights: Weights = {
        "descriptor.sea.mean": slots(described.mean),
        "descriptor.sea.stddev": slots(described.std),
        "fitting_net.bias_atom_e": np.zeros((types, 1)),
        "out_bias": description.bias.reshape(1, types, 1),
        "out_std": description.out_std.reshape(1, types, 1),
    }
    for index in range(types if described.one_sided else types**2):
        weights |= {f"descriptor.sea.compress_{what}.{index}": np.zeros(0, kind) for what in ("data", "info")}
    for (centre, neighbour), network in described.networks.items():
        if described.one_sided and centre:
            continue
        index = neighbour if described.one_sided else neighbour * types + centre
        weights |= _layers(f"{_EMBEDDING}.{index}", network)
    for index, network in enumerate(description.fitting.networks):
        weights |= _layers(f"{_FITTING}.{index}", network)
    return weights


def _layers(prefix: str, network: Network) -> Weights:
    weights: Weights = {}
    for number, layer in enumerate(network):
        stem = f"{prefix}.layers.{number}"
        weights[f"{stem}.matrix"], weights[f"{stem}.bias"] = layer.matrix, layer.bias
        if layer.idt is not None:
            weights[f"{stem}.idt"] = layer.idt
    return weights
