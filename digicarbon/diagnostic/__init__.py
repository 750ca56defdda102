"""Diagnostics."""

from digicarbon.diagnostic.base import Diagnostic as Diagnostic
from digicarbon.diagnostic.base import NoDiagnostic as NoDiagnostic
from digicarbon.diagnostic.descriptive import Descriptive as Descriptive
from digicarbon.diagnostic.moran import Moran as Moran
from digicarbon.diagnostic.moran import moran as moran
