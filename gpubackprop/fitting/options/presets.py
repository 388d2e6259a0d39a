"""Parameters of estimators by what they are good for, chosen on real tables."""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "tabular": {
        "hidden_layer_sizes": (256, 128),
        "activation": "selu",
        "solver": "adamw",
        "alpha": 0.0,
        "batch_size": 64,
        "learning_rate_init": 0.003,
        "beta_2": 0.95,
        "weight_decay": 0.3,
        "schedule": "log_cosine",
        "max_iter": 64,
        "n_iter_no_change": 64,  # never: the schedule is for all epochs
    },
}
"""Values of parameters that both estimators have."""


def with_preset(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Complete parameters, which come first, by a preset's; ValueError for an unknown preset."""
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
    return {**PRESETS[name], **parameters}
