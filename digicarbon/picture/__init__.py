"""Pictures of results, panels and weights; matplotlib is loaded when one is drawn."""

from digicarbon.picture._figure import Format as Format
from digicarbon.picture._figure import Language as Language
from digicarbon.picture._figure import no_letters as no_letters
from digicarbon.picture._figure import rendered as rendered
from digicarbon.picture.curve import plot_curve as plot_curve
from digicarbon.picture.specification_curve import Strip as Strip
from digicarbon.picture.specification_curve import plot_specification_curve as plot_specification_curve
