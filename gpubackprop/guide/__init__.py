"""What the estimators' options do, a page for each family of them.

- `gpubackprop.guide.computing`: device, backend, precision, checkpoint
- `gpubackprop.guide.activations`: activation, out_activation
- `gpubackprop.guide.losses`: loss and its constants, class_weight
- `gpubackprop.guide.steps`: solver, weight_decay, schedule, warmup, clip_norm
- `gpubackprop.guide.regularisation`: dropout, label_smoothing
- `gpubackprop.guide.epochs`: shuffle, validation rows, scoring, history_, callbacks

`help("gpubackprop.guide.losses")` shows one. Their texts on single parameters are those that
`help(gpubackprop.MLPClassifier)` shows among scikit-learn's.
"""

from . import activations, computing, epochs, losses, regularisation, steps

_SHARED = "\n".join(
    page.PARAMETERS for page in (computing, activations, steps, regularisation, epochs)
)
CLASSIFIER = f"{losses.OF_A_CLASSIFIER}\n{_SHARED}"
"""Parameters of a classifier that scikit-learn's lacks, or has with fewer values."""
REGRESSOR = f"{losses.OF_A_REGRESSOR}\n{_SHARED}"
"""Learning curve of a regressor."""
ATTRIBUTES = epochs.ATTRIBUTES
"""Attributes of both."""
