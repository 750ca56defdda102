"""Spatial weights."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.weights.any_file import AnyFileWeights as AnyFileWeights
    from digicarbon.weights.base import Islands as Islands
    from digicarbon.weights.base import Weights as Weights
    from digicarbon.weights.base import WeightsSpec as WeightsSpec
    from digicarbon.weights.combined import BlendWeights as BlendWeights
    from digicarbon.weights.combined import HigherOrderWeights as HigherOrderWeights
    from digicarbon.weights.combined import PermutedWeights as PermutedWeights
    from digicarbon.weights.contiguity import ContiguityWeights as ContiguityWeights
    from digicarbon.weights.delaunay import DelaunayWeights as DelaunayWeights
    from digicarbon.weights.distance import DistanceBandWeights as DistanceBandWeights
    from digicarbon.weights.distance import ExponentialWeights as ExponentialWeights
    from digicarbon.weights.distance import InverseDistanceWeights as InverseDistanceWeights
    from digicarbon.weights.distance import KNearestWeights as KNearestWeights
    from digicarbon.weights.economic import EconomicWeights as EconomicWeights
    from digicarbon.weights.economic import ProductWeights as ProductWeights
    from digicarbon.weights.files import EdgeWeights as EdgeWeights
    from digicarbon.weights.files import MatrixWeights as MatrixWeights
    from digicarbon.weights.formats import GalWeights as GalWeights
    from digicarbon.weights.formats import GwtWeights as GwtWeights
    from digicarbon.weights.formats import SpmatWeights as SpmatWeights
    from digicarbon.weights.nearby import NearbyWeights as NearbyWeights
    from digicarbon.weights.nearby import NoWeights as NoWeights
    from digicarbon.weights.nested import NestedWeights as NestedWeights
    from digicarbon.weights.summary import WeightsSummary as WeightsSummary

lazy(__name__)
