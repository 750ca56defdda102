"""Results to MLflow: a parent run per sweep, a child per specification; written by one process only."""

from digicarbon.tracking._code import PACKAGES, provenance
from digicarbon.tracking._connection import ask_once, refuse_unreadable
from digicarbon.tracking._history import DONE, ELSEWHERE, FAILED, NEW, OTHER_VERSIONS, History, finished, history
from digicarbon.tracking._places import (
    SERVERS,
    SQLITE,
    Tracking,
    absolute,
    local_folder,
    masked,
    obstacle,
    opening,
    place,
)
from digicarbon.tracking._results import ROSTER, Planned, Roster, StoredResults, decode
from digicarbon.tracking._rows import (
    CONFIG,
    CONFIG_FILE,
    EXPERIMENT,
    OPENED,
    OVERRIDES,
    QUANTITY,
    TERM,
    WHY,
    Data,
    Entry,
    metrics,
)
from digicarbon.tracking._spool import Delivered, deliver
from digicarbon.tracking._store import Store, SweepContents, store_results, sweep_contents
from digicarbon.tracking._view import SHARED, VIEW

__all__ = [
    "CONFIG",
    "CONFIG_FILE",
    "DONE",
    "ELSEWHERE",
    "EXPERIMENT",
    "FAILED",
    "NEW",
    "OPENED",
    "OTHER_VERSIONS",
    "OVERRIDES",
    "PACKAGES",
    "QUANTITY",
    "ROSTER",
    "SERVERS",
    "SHARED",
    "SQLITE",
    "TERM",
    "VIEW",
    "WHY",
    "Data",
    "Delivered",
    "Entry",
    "History",
    "Planned",
    "Roster",
    "Store",
    "StoredResults",
    "SweepContents",
    "Tracking",
    "absolute",
    "ask_once",
    "decode",
    "deliver",
    "finished",
    "history",
    "local_folder",
    "masked",
    "metrics",
    "obstacle",
    "opening",
    "place",
    "provenance",
    "refuse_unreadable",
    "store_results",
    "sweep_contents",
]
