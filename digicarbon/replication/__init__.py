"""Recorded runs as scripts for Stata and R, with the data they need and the numbers they must find."""

from digicarbon.replication.case import Case, case_of
from digicarbon.replication.data import DataSets
from digicarbon.replication.r import r_script
from digicarbon.replication.stata import do_file

__all__ = ["Case", "DataSets", "case_of", "do_file", "r_script"]
