"""Spatial weights."""

from digicarbon.weights.base import Weights as Weights
from digicarbon.weights.base import WeightsSpec as WeightsSpec
