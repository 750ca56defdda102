"""Tables of results."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.render import FORMATS as FORMATS
    from digicarbon.render import save_all as save_all
    from digicarbon.report.base import MOST_RUNS as MOST_RUNS
    from digicarbon.report.base import Record as Record
    from digicarbon.report.base import Report as Report
    from digicarbon.report.base import Table as Table
    from digicarbon.report.base import attributed as attributed
    from digicarbon.report.diagnostic import DiagnosticTable as DiagnosticTable
    from digicarbon.report.foreign import as_result as as_result
    from digicarbon.report.intervals import BandTable as BandTable
    from digicarbon.report.intervals import IntervalPicture as IntervalPicture
    from digicarbon.report.joint import Joint as Joint
    from digicarbon.report.joint import JointRequest as JointRequest
    from digicarbon.report.labels import Labels as Labels
    from digicarbon.report.regression import RegressionTable as RegressionTable
    from digicarbon.report.side_by_side import table as table
    from digicarbon.report.signs import SignTable as SignTable
    from digicarbon.report.specification_curve import SpecificationCurve as SpecificationCurve
    from digicarbon.report.turning_points import TurningPointTable as TurningPointTable
    from digicarbon.report.two_tables import TwoTables as TwoTables

lazy(__name__)
