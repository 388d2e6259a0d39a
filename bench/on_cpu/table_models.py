"""The models that learn from real tables: ours, two of scikit-learn, and RealMLP."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import sklearn.neural_network
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from ... import MLPClassifier, MLPRegressor
from ...table import Column, fit_preprocessor, preprocessor
from ...table.voting import mean_of
from ..contestants import OURS
from ..problems import Array
from ..processes.duel import SKLEARN

FIVE = "gpubackprop_5"
"""As `gpubackprop train --networks 5`."""
BOOSTING = "hist_gradient_boosting"
REALMLP = "realmlp_td_s"
CATEGORIES = 250
"""Gradient boosting takes 255 at most; of more the rarest share one."""


class Split(NamedTuple):
    """A table's rows, held back or not."""

    train: pd.DataFrame
    test: pd.DataFrame
    y_train: Array
    y_test: Array
    columns: tuple[Column, ...]
    regression: bool

    def inputs(self) -> tuple[Array, Array]:
        """Make a network's inputs, as the command line does; only training rows are fitted to."""
        prepare = preprocessor(self.columns, "regression" if self.regression else "classification")
        train = fit_preprocessor(prepare, self.train, self.y_train).astype(np.float32)
        return train, np.asarray(prepare.transform(self.test), dtype=np.float32)

    @property
    def texts(self) -> list[str]:
        """The columns of categories."""
        return [column.name for column in self.columns if column.is_text]


Predict = Callable[[Split, int, bool], Array]
"""Trains on a split's training rows with a seed, or briefly, and predicts the others."""


def _network(classifier: Any, regressor: Any, networks: int = 1) -> Predict:
    """Train networks on the command line's inputs, for their mean; a quantity is standardised."""

    def predict(split: Split, seed: int, quick: bool) -> Array:
        kind = regressor if split.regression else classifier
        short = {"max_iter": 5} if quick else {}
        models = [kind(random_state=seed + more, **short) for more in range(networks)]
        train, test = split.inputs()
        if not split.regression:
            model = mean_of([each.fit(train, split.y_train) for each in models])
            return np.asarray(model.predict(test))
        scaler = StandardScaler().fit(split.y_train[:, None])
        target = scaler.transform(split.y_train[:, None]).ravel()
        predicted = mean_of([each.fit(train, target) for each in models]).predict(test)
        return np.asarray(scaler.inverse_transform(predicted[:, None]).ravel())

    return predict


def _boosting(split: Split, seed: int, quick: bool) -> Array:
    """Train gradient boosting on numbers as they are and on categories as such."""
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=CATEGORIES
    )
    prepare = ColumnTransformer([("texts", encoder, split.texts)], remainder="passthrough")
    kind = HistGradientBoostingRegressor if split.regression else HistGradientBoostingClassifier
    model = kind(
        max_iter=5 if quick else 100,
        random_state=seed,
        categorical_features=list(range(len(split.texts))),
    )
    model.fit(prepare.fit_transform(split.train), split.y_train)
    return np.asarray(model.predict(prepare.transform(split.test)))


def _realmlp(split: Split, seed: int, quick: bool) -> Array:
    """Train RealMLP-TD-S, which takes categories as such and no missing number."""
    import pytabkit

    kind = pytabkit.RealMLP_TD_S_Regressor if split.regression else pytabkit.RealMLP_TD_S_Classifier
    model = kind(
        device="cpu",
        n_threads=1,
        random_state=seed,
        verbosity=0,
        **({"n_epochs": 5} if quick else {}),
    )
    numbers = [name for name in split.train.columns if name not in split.texts]
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    prepare = ColumnTransformer(
        [("numbers", imputer, numbers)], remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    model.fit(prepare.fit_transform(split.train), split.y_train, cat_col_names=split.texts)
    return np.asarray(model.predict(prepare.transform(split.test))).ravel()


CLASSIFIER, REGRESSOR = (
    partial(kind.from_preset, "tabular", device="cpu") for kind in (MLPClassifier, MLPRegressor)
)
MODELS: dict[str, Predict] = {
    OURS: _network(CLASSIFIER, REGRESSOR),
    FIVE: _network(CLASSIFIER, REGRESSOR, networks=5),
    BOOSTING: _boosting,
    SKLEARN: _network(sklearn.neural_network.MLPClassifier, sklearn.neural_network.MLPRegressor),
    REALMLP: _realmlp,
}
"""All models, by name."""


def installed() -> dict[str, Predict]:
    """Find the models whose packages are installed."""
    without = set() if find_spec("pytabkit") else {REALMLP}
    return {name: predict for name, predict in MODELS.items() if name not in without}
