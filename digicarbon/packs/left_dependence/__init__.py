"""Dependence between units that a model and its filter leave in the residuals."""

from digicarbon.pack import Pack

PACK = Pack(
    names={"diagnostic": {"LeftDependence": "diagnostic.left_dependence"}},
    offers={"notes_of_columns": "report.below:LeftRequest"},
)
