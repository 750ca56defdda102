"""What MLflow holds of a run, and of a whole sweep."""

from digicarbon.recorded._members import members as members
from digicarbon.recorded._report import recorded_labels as recorded_labels
from digicarbon.recorded._report import recorded_report as recorded_report
from digicarbon.recorded._report import report_of as report_of
from digicarbon.recorded._run import Recorded as Recorded
from digicarbon.recorded._run import at_commit as at_commit
from digicarbon.recorded._run import config_of as config_of
from digicarbon.recorded._run import file_of as file_of
from digicarbon.recorded._run import find as find
from digicarbon.recorded._run import located as located
from digicarbon.recorded._run import moment as moment
from digicarbon.recorded._run import plain as plain
from digicarbon.recorded._sweep import RecordedSweep as RecordedSweep
from digicarbon.recorded._sweep import sweep as sweep
