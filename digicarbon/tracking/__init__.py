"""Results to MLflow: a parent run per sweep, a child per specification; written by one process only."""

from digicarbon.tracking._code import PACKAGES, provenance
from digicarbon.tracking._codec import decode
from digicarbon.tracking._delivery import Delivered, deliver
from digicarbon.tracking._entry import Entry, Tracking
from digicarbon.tracking._history import DONE, ELSEWHERE, FAILED, NEW, OTHER_VERSIONS, History, history
from digicarbon.tracking._metrics import metrics
from digicarbon.tracking._places import SQLITE, absolute, place
from digicarbon.tracking._store import Store, store_results

__all__ = [
    "DONE",
    "ELSEWHERE",
    "FAILED",
    "NEW",
    "OTHER_VERSIONS",
    "PACKAGES",
    "SQLITE",
    "Delivered",
    "Entry",
    "History",
    "Store",
    "Tracking",
    "absolute",
    "decode",
    "deliver",
    "history",
    "metrics",
    "place",
    "provenance",
    "store_results",
]
