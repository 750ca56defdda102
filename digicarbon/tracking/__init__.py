"""Results to MLflow: a parent run per sweep, a child per specification; written by one process only."""

from digicarbon.tracking._ahead import Known, known
from digicarbon.tracking._code import PACKAGES, provenance
from digicarbon.tracking._entry import Entry, Tracking
from digicarbon.tracking._metrics import metrics
from digicarbon.tracking._places import SQLITE, absolute, place
from digicarbon.tracking._store import Delivered, Store, deliver, store_results

__all__ = [
    "PACKAGES",
    "SQLITE",
    "Delivered",
    "Entry",
    "Known",
    "Store",
    "Tracking",
    "absolute",
    "deliver",
    "known",
    "metrics",
    "place",
    "provenance",
    "store_results",
]
