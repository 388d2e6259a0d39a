"""The types that a model file of skops has to be trusted with."""

SKOPS_TRUSTED: tuple[str, ...] = (
    "gpubackprop.EpochRecord",
    "gpubackprop.History",
    "gpubackprop.MLPClassifier",
    "gpubackprop.MLPRegressor",
    "gpubackprop.callbacks.progress.ProgressBar",
    "gpubackprop.callbacks.stopping.StopAfter",
    "gpubackprop.callbacks.stopping.StopAtTarget",
    "gpubackprop.fitting.callbacks.copies.Portable",
    "gpubackprop.fitting.solvers.AdamWOptimizer",
    "gpubackprop.fitting.solvers.LionOptimizer",
    "gpubackprop.fitting.solvers.NAdamOptimizer",
    "gpubackprop.fitting.solvers.RMSPropOptimizer",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
)
"""For `skops.io.load(file, trusted=SKOPS_TRUSTED)`: estimators and what they hold.

None of them runs code of the file's, and none writes a file where the file says; callbacks that do,
such as `Backup`, are for you to trust. skops itself checks what else a file holds."""
