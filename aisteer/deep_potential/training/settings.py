"""deepmd-kit's input.json: what of it is understood, with its defaults, and what is refused by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from aisteer.deep_potential.support import SUPPORTED, unsupported
from aisteer.deep_potential.training.checking import check_model, check_numbers
from aisteer.deep_potential.training.loss import LearningRate, Loss, Weights
from aisteer.deep_potential.training.options import (
    ALIASES,
    DATA,
    DESCRIPTOR,
    ELSEWHERE,
    FITTING,
    LOSS,
    NEUTRAL,
    OPTIMIZER,
    RATE,
    TRAINING,
)
from aisteer.errors import BadDefinition, NotSupported

__all__ = ["Adam", "Settings", "read_settings"]


@dataclass(frozen=True)
class Adam:
    """Its coefficients."""

    beta1: float
    beta2: float
    weight_decay: float


@dataclass(frozen=True, eq=False)
class Settings:
    """A training, as deepmd-kit's input.json says it.

    Attributes:
        source: Where it stood, for messages.
        model: The section ``model`` with all defaults; ``sel`` may be "auto".
        rate: The learning rate.
        adam: The optimizer.
        loss: Prefactors.
        steps: How many; ``None`` where it is not said.
        batch: Frames in a batch: a number, one for each system, or a rule ("auto", "auto:N", "max:N").
        uniform: Whether systems are drawn with equal chances, not by their number of batches.
        seed: Of weights and of the order of batches.
        every: Steps between two points of the curve; ``None`` where it is not said.
        save_every: Steps between two checkpoints.
        systems: Folders of the training set.
        validation: Folders of the validation set; ``None`` for none.
    """

    source: str
    model: dict[str, Any]
    rate: dict[str, Any]
    adam: Adam
    loss: Loss
    steps: int | None
    batch: int | str | list[int]
    uniform: bool
    seed: int | None
    every: int | None
    save_every: int
    systems: list[str]
    validation: list[str] | None

    def learning_rate(self, steps: int) -> LearningRate:
        """Over so many steps."""
        rate = self.rate
        return LearningRate(
            float(rate["start_lr"]),
            float(rate["stop_lr"]),
            int(rate["decay_steps"]),
            steps,
            bool(rate["smooth"]),
            None if rate["decay_rate"] is None else float(rate["decay_rate"]),
        )


def read_settings(given: Mapping[str, Any] | str | PathLike[str] | None) -> Settings:
    """Understand an input.json, or a dictionary of the same form; what is not said has deepmd-kit's default.

    Raises:
        BadDefinition: There is no such file, it is no JSON, or it has a key that deepmd-kit does not know.
        NotSupported: It asks for what is not done here; the message names it.
    """
    source, content, beside = _read(given)
    known = ("model", "learning_rate", "optimizer", "loss", "training", "validating")
    parts = {name: _section(source, name, content.get(name, {})) for name in known}
    for name in content:
        if name not in known and not name.startswith("_"):
            raise BadDefinition(
                f"{source}: there is no section {name!r:.40}; known are {', '.join(known)}. Nothing was trained.",
                source=source,
            )
    model = _model(source, parts["model"])
    rate = _filled(source, "learning_rate", parts["learning_rate"], RATE)
    optimizer = _filled(source, "optimizer", parts["optimizer"], OPTIMIZER)
    loss = _filled(source, "loss", parts["loss"], LOSS)
    training = _filled(source, "training", parts["training"], TRAINING)
    _filled(source, "validating", parts["validating"], {})
    for name, part, supported in (
        ("learning_rate", rate, "exp"),
        ("optimizer", optimizer, "Adam"),
        ("loss", loss, "ener"),
    ):
        if part["type"] != supported:
            raise _not_done(source, name, "type", part["type"])
    for name, part in (
        ("learning_rate", rate),
        ("optimizer", optimizer),
        ("loss", loss),
        ("training", training),
    ):
        check_numbers(source, name, part)
    rate = _rate(source, rate, parts["learning_rate"])
    data = _filled(
        source, "training_data", _section(source, "training_data", training["training_data"]), DATA
    )
    return Settings(
        source,
        model,
        rate,
        Adam(
            float(optimizer["adam_beta1"]), float(optimizer["adam_beta2"]), float(optimizer["weight_decay"])
        ),
        _loss(loss),
        None if training["numb_steps"] is None else int(training["numb_steps"]),
        data["batch_size"],
        _uniform(source, data["auto_prob"]),
        None if training["seed"] is None else int(training["seed"]),
        None if training["disp_freq"] is None else max(1, int(training["disp_freq"])),
        max(1, int(training["save_freq"])),
        _paths(beside, data["systems"]) if "systems" in training["training_data"] else [],
        _validation(source, beside, training["validation_data"]),
    )


def _read(given: Any) -> tuple[str, dict[str, Any], Path]:
    if given is None or isinstance(given, Mapping):
        return "the settings", dict(given or {}), Path()
    path = Path(given).expanduser()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadDefinition(
            f"{path} cannot be read as an input.json ({error}). Nothing was trained.", source=str(path)
        ) from error
    return str(path), _section(str(path), "the file", content), path.parent


def _section(source: str, name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadDefinition(f"{source}: {name} is no dictionary, but {value!r:.60}.", source=source)
    return dict(value)


def _filled(source: str, name: str, given: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """With defaults; unknown keys and what is not done here are refused."""
    made = dict(defaults)
    neutral, elsewhere = NEUTRAL.get(name, {}), ELSEWHERE.get(name, set())
    for written, value in given.items():
        key = ALIASES.get(name, {}).get(written, written)
        if key in defaults:
            made[key] = value
        elif key in neutral:
            if value not in (None, neutral[key]):
                raise _not_done(source, name, written, value)
        elif key not in elsewhere and not key.startswith("_"):
            known = ", ".join(sorted({*defaults, *neutral}))
            raise BadDefinition(
                f"{source}: {name} has no option {written!r:.40}. Known are {known}. Nothing was trained.",
                source=source,
                option=written,
            )
    return made


def _model(source: str, given: dict[str, Any]) -> dict[str, Any]:
    parts = {name: _section(source, name, given.get(name, {})) for name in ("descriptor", "fitting_net")}
    # What kind of model it is comes first: options of other kinds are no unknown options.
    kinds = {"descriptor": {"type": "se_e2_a"}, "fitting_net": {"type": "ener"}}
    what = unsupported({**given, **{name: {**kinds[name], **parts[name]} for name in parts}})
    if what is not None:
        raise NotSupported(
            f"{source} asks for {what}, which is not trained here. {SUPPORTED}.", source=source
        )
    defaults: dict[str, Any] = {"type": "standard", "type_map": None, "descriptor": {}, "fitting_net": {}}
    evaluated = (
        "spin",
        "use_srtab",
        "modifier",
        "type_embedding",
        "pair_exclude_types",
        "atom_exclude_types",
    )
    rest = {key: value for key, value in given.items() if key not in {*evaluated, "hessian_mode"}}
    model = _filled(source, "model", rest, defaults)
    del model["type"]
    ignored = {"dim_case_embd", "mixed_types", "exclude_types", "spin", "layer_name"}
    fitting = {key: value for key, value in parts["fitting_net"].items() if key not in ignored}
    model["descriptor"] = _filled(source, "descriptor", parts["descriptor"], DESCRIPTOR)
    model["fitting_net"] = _filled(source, "fitting_net", fitting, FITTING)
    check_model(source, model)
    return model


def _rate(source: str, rate: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    ratio = given.get("stop_lr_ratio")
    if ratio is not None:
        if given.get("stop_lr") is not None:
            raise BadDefinition(f"{source}: learning_rate has both stop_lr and stop_lr_ratio; give one.")
        if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 <= ratio <= 1:
            raise BadDefinition(f"{source}: stop_lr_ratio is a number from 0 to 1, not {ratio!r:.40}.")
        rate["stop_lr"] = float(rate["start_lr"]) * float(ratio)
    if rate["stop_lr"] is None:
        rate["stop_lr"] = RATE["stop_lr"]
    return rate


def _loss(loss: dict[str, Any]) -> Loss:
    ends = [Weights(*(float(loss[f"{end}_pref_{term}"]) for term in "efv")) for end in ("start", "limit")]
    return Loss(ends[0], ends[1], bool(loss["intensive_ener_virial"]))


def _uniform(source: str, style: str) -> bool:
    if style not in {"prob_sys_size", "prob_uniform"}:
        raise _not_done(source, "training_data", "auto_prob", style)
    return style == "prob_uniform"


def _validation(source: str, beside: Path, given: Any) -> list[str] | None:
    if given is None:
        return None
    data = _filled(source, "validation_data", _section(source, "validation_data", given), DATA)
    return _paths(beside, data["systems"])


def _paths(beside: Path, systems: Any) -> list[str]:
    """Folders as written, from where the file is."""
    given = [systems] if isinstance(systems, str | PathLike) else systems
    if not isinstance(given, list | tuple) or not all(isinstance(each, str | PathLike) for each in given):
        raise BadDefinition(
            f"systems is a folder, or a list of folders, not {systems!r:.60}. Nothing was trained."
        )
    return [str(beside / Path(path).expanduser()) for path in given]


def _not_done(source: str, name: str, option: str, value: Any) -> NotSupported:
    return NotSupported(
        f"{source}: {name} has {option} = {value!r:.60}, which is not done here; nothing was trained. Done are the "
        "loss 'ener' of energies, forces and virials (squares), the learning rate 'exp' and the optimizer Adam. "
        "Leave the option out, or train with deepmd-kit and load what that writes.",
        source=source,
        option=option,
    )
