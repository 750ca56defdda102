"""Two recorded sweeps beside each other: which numbers moved, and by what; and a run beside its fit of today."""

from digicarbon.compare.comparison import Comparison as Comparison
from digicarbon.compare.comparison import Side as Side
from digicarbon.compare.comparison import compare as compare
from digicarbon.compare.origins import commit_of as commit_of
from digicarbon.compare.origins import versions as versions
from digicarbon.compare.words import LISTED as LISTED
from digicarbon.compare.words import heading as heading
from digicarbon.compare.words import summary as summary
from digicarbon.compare.words import tables as tables
