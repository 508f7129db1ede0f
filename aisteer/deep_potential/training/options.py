"""The options of deepmd-kit's input.json: their defaults, other spellings, and which change nothing here."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ALIASES",
    "DATA",
    "DESCRIPTOR",
    "ELSEWHERE",
    "FITTING",
    "LOSS",
    "NEUTRAL",
    "OPTIMIZER",
    "RATE",
    "TRAINING",
]

DESCRIPTOR = {
    "type": "se_e2_a",
    "sel": "auto",
    "rcut": 6.0,
    "rcut_smth": 0.5,
    "neuron": [10, 20, 40],
    "axis_neuron": 4,
    "activation_function": "tanh",
    "resnet_dt": False,
    "type_one_side": False,
    "precision": "default",
    "exclude_types": [],
    "env_protection": 0.0,
    "set_davg_zero": False,
}
FITTING = {
    "type": "ener",
    "neuron": [120, 120, 120],
    "activation_function": "tanh",
    "precision": "default",
    "resnet_dt": True,
    "numb_fparam": 0,
    "numb_aparam": 0,
    "atom_ener": [],
}
RATE = {
    "type": "exp",
    "start_lr": 1e-3,
    "stop_lr": 5e-8,
    "decay_steps": 5000,
    "decay_rate": None,
    "smooth": False,
}
OPTIMIZER = {"type": "Adam", "adam_beta1": 0.9, "adam_beta2": 0.999, "weight_decay": 0.0}
LOSS = {
    "type": "ener",
    "start_pref_e": 0.02,
    "limit_pref_e": 1.0,
    "start_pref_f": 1000.0,
    "limit_pref_f": 1.0,
    "start_pref_v": 0.0,
    "limit_pref_v": 0.0,
    "intensive_ener_virial": False,
}
TRAINING: dict[str, Any] = {
    "training_data": {},
    "validation_data": None,
    "numb_steps": None,
    "seed": None,
    "disp_freq": None,
    "save_freq": 1000,
}
DATA = {"systems": ".", "batch_size": "auto", "auto_prob": "prob_sys_size"}

ALIASES = {
    "descriptor": {"n_axis_neuron": "axis_neuron"},
    "fitting_net": {"n_neuron": "neuron"},
    "training": dict.fromkeys(("stop_batch", "num_step", "num_steps", "numb_step"), "numb_steps")
    | dict.fromkeys(("num_epochs", "num_epoch", "numb_epochs"), "numb_epoch"),
    "training_data": {"auto_prob_style": "auto_prob"},
    "validation_data": {"auto_prob_style": "auto_prob", "numb_batch": "numb_btch"},
}

# What would change the training and is not done here, unless it has the value that changes nothing.
NEUTRAL: dict[str, dict[str, Any]] = {
    "model": {"data_stat_protect": 1e-2, "finetune_head": None, "preset_out_bias": None, "compress": None},
    "descriptor": {"trainable": True},
    "fitting_net": {
        "trainable": True,
        "rcond": None,
        "use_aparam_as_mask": False,
        "default_fparam": None,
    },
    "learning_rate": {"warmup_steps": 0, "warmup_ratio": None},
    "optimizer": {},
    "loss": {
        **{f"{end}_pref_{term}": 0 for end in ("start", "limit") for term in ("ae", "pf", "gf", "h")},
        "relative_f": None,
        "enable_atom_ener_coeff": False,
        "numb_generalized_coord": 0,
        "use_huber": False,
        "loss_func": "mse",
        "f_use_norm": False,
    },
    "training": {
        "numb_epoch": None,
        "enable_ema": False,
        "change_bias_after_training": False,
        "gradient_max_norm": 0,
        "acc_freq": 1,
        "zero_stage": 0,
        "mixed_precision": None,
        "data_dict": {},
        "model_prob": {},
    },
    "training_data": {"sys_probs": None, "rglob_patterns": None, "min_pair_dist": 0},
    "validation_data": {"sys_probs": None, "rglob_patterns": None},
    "validating": {"full_validation": False, "ema_full_validation": False},
}

# What says where deepmd-kit puts its files, how it computes and what it shows: it changes no result.
ELSEWHERE = {
    "model": {"data_stat_nbatch", "data_bias_nsample", "srtab_add_bias", "model_branch_alias", "info"},
    "descriptor": {"seed"},
    "fitting_net": {"seed", "layer_name"},
    "learning_rate": {"stop_lr_ratio", "warmup_start_factor", "scale_by_worker"},
    "loss": {"use_default_pf", "huber_delta"},
    "training": {
        *(
            "stat_file",
            "stat_file_mode",
            "disp_file",
            "disp_training",
            "disp_avg",
            "time_training",
            "save_dir",
        ),
        *("save_ckpt", "max_ckpt_keep", "ckpt_keep_ratio", "ema_decay", "ema_ckpt_keep", "profiling"),
        *("profiling_file", "enable_profiler", "tensorboard", "tensorboard_log_dir", "tensorboard_freq"),
        *("neighbor_graph_method", "enable_compile", "num_epoch_dict"),
    },
    "validation_data": {"numb_btch"},
}
