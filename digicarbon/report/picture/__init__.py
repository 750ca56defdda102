"""Pictures of results, panels and weights; matplotlib is loaded when one is drawn.

A picture of your own is a function with `picture` above it, which gives it the style, fonts with Chinese letters, and a
title that says whether data are simulated. Its figure is a `new_figure`, its words come from `Words`, its colours from
`series`.
"""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.report.picture._figure import BLUE as BLUE
    from digicarbon.report.picture._figure import GREY as GREY
    from digicarbon.report.picture._figure import ORANGE as ORANGE
    from digicarbon.report.picture._figure import Format as Format
    from digicarbon.report.picture._figure import Frame as Frame
    from digicarbon.report.picture._figure import Language as Language
    from digicarbon.report.picture._figure import NamedFrame as NamedFrame
    from digicarbon.report.picture._figure import Naming as Naming
    from digicarbon.report.picture._figure import Words as Words
    from digicarbon.report.picture._figure import chinese as chinese
    from digicarbon.report.picture._figure import drawable as drawable
    from digicarbon.report.picture._figure import families as families
    from digicarbon.report.picture._figure import needed_table as needed_table
    from digicarbon.report.picture._figure import new_figure as new_figure
    from digicarbon.report.picture._figure import no_letters as no_letters
    from digicarbon.report.picture._figure import picture as picture
    from digicarbon.report.picture._figure import picture_without_terms as picture_without_terms
    from digicarbon.report.picture._figure import rendered as rendered
    from digicarbon.report.picture._figure import series as series
    from digicarbon.report.picture._places import long_names as long_names
    from digicarbon.report.picture.curve import plot_curve as plot_curve
    from digicarbon.report.picture.intervals import event_label as event_label
    from digicarbon.report.picture.intervals import interval_numbers as interval_numbers
    from digicarbon.report.picture.intervals import plot_bands as plot_bands
    from digicarbon.report.picture.intervals import plot_coefficients as plot_coefficients
    from digicarbon.report.picture.intervals import plot_effects as plot_effects
    from digicarbon.report.picture.maps import class_bounds as class_bounds
    from digicarbon.report.picture.maps import plot_map as plot_map
    from digicarbon.report.picture.specification_curve import Strip as Strip
    from digicarbon.report.picture.specification_curve import plot_specification_curve as plot_specification_curve

lazy(__name__)
