"""Pictures of results, panels and weights; matplotlib is loaded when one is drawn."""

from digicarbon.picture._figure import Format as Format
from digicarbon.picture._figure import Language as Language
from digicarbon.picture._figure import no_letters as no_letters
from digicarbon.picture._figure import rendered as rendered
from digicarbon.picture._places import long_names as long_names
from digicarbon.picture.curve import plot_curve as plot_curve
from digicarbon.picture.intervals import Quantity as Quantity
from digicarbon.picture.intervals import interval_numbers as interval_numbers
from digicarbon.picture.intervals import plot_bands as plot_bands
from digicarbon.picture.intervals import plot_coefficients as plot_coefficients
from digicarbon.picture.intervals import plot_effects as plot_effects
from digicarbon.picture.maps import class_bounds as class_bounds
from digicarbon.picture.maps import clusters_of as clusters_of
from digicarbon.picture.maps import plot_lisa as plot_lisa
from digicarbon.picture.maps import plot_map as plot_map
from digicarbon.picture.moran import plot_moran as plot_moran
from digicarbon.picture.moran import plot_moran_scatter as plot_moran_scatter
from digicarbon.picture.specification_curve import Strip as Strip
from digicarbon.picture.specification_curve import plot_specification_curve as plot_specification_curve
