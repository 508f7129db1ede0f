"""Which of deepmd-kit's models can be evaluated here. What cannot is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aisteer.errors import BadModel

__all__ = ["SUPPORTED", "check_supported", "precision_of", "unsupported"]

SUPPORTED = (
    "Supported are models of the type 'standard' with the descriptor 'se_e2_a' (type_one_side, resnet_dt, "
    "exclude_types, set_davg_zero) and the fitting net 'ener' (resnet_dt), activation tanh, in float64 or float32"
)
_PRECISIONS = {
    "default": "float64",
    "float64": "float64",
    "double": "float64",
    "float32": "float32",
    "single": "float32",
}
# What would change the energy and is not computed here: where it stands, and what it is when it changes nothing.
_NEUTRAL: dict[str, dict[str, Any]] = {
    "model": {
        "spin": None,
        "use_srtab": None,
        "modifier": None,
        "type_embedding": None,
        "pair_exclude_types": [],
        "atom_exclude_types": [],
        "hessian_mode": False,
    },
    "descriptor": {"activation_function": "tanh", "env_protection": 0.0},
    "fitting_net": {
        "activation_function": "tanh",
        "numb_fparam": 0,
        "numb_aparam": 0,
        "dim_case_embd": 0,
        "atom_ener": [],
        "mixed_types": False,
        "layer_name": None,
        "exclude_types": [],
    },
}


def check_supported(path: Path, params: dict[str, Any]) -> None:
    """Raise ``BadModel`` that names the first thing in ``model_params`` which is not evaluated here."""
    what = unsupported(params)
    if what is not None:
        raise BadModel(
            f"{path} is {what}, which is not evaluated here; no model was loaded. {SUPPORTED}.",
            path=str(path),
        )
    symbols = params.get("type_map")
    named = isinstance(symbols, list | tuple) and all(isinstance(each, str) for each in symbols)
    if not symbols or not named or len(set(symbols)) != len(symbols):
        raise BadModel(
            f"{path} has no type map of elements, or one that names an element twice: {symbols!r:.80}. No model was "
            "loaded.",
            path=str(path),
        )


def precision_of(part: dict[str, Any]) -> str:
    """``float64`` or ``float32``."""
    return _PRECISIONS[part.get("precision", "default")]


def unsupported(params: dict[str, Any]) -> str | None:
    """The first thing in ``model_params`` that is not computed here, in words; ``None`` where all of it is."""
    if params.get("type", "standard") != "standard":
        return f"a model of the type {params['type']!r:.40}"
    parts = {"model": params, **{name: params.get(name) for name in ("descriptor", "fitting_net")}}
    for name, part in parts.items():
        if not isinstance(part, dict):
            return f"a model without a {name}"
        kind = part.get("type", "ener")
        if (
            name != "model"
            and kind not in {"descriptor": ("se_e2_a", "se_a"), "fitting_net": ("ener",)}[name]
        ):
            return f"a model with the {name} {kind!r:.40}"
        for option, neutral in _NEUTRAL[name].items():
            found = part.get(option)
            nothing = isinstance(found, list) and all(item is None for item in found)
            if not nothing and found not in (None, neutral):
                return f"a model whose {name} has {option} = {found!r:.40}"
        if part.get("precision", "default") not in _PRECISIONS:
            return f"a model whose {name} computes in {part['precision']!r:.20}"
    return None
