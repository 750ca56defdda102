"""Spatial weights."""

from digicarbon.weights.adjacency import AdjacencyWeights as AdjacencyWeights
from digicarbon.weights.base import Weights as Weights
from digicarbon.weights.base import WeightsSpec as WeightsSpec
from digicarbon.weights.files import EdgeWeights as EdgeWeights
from digicarbon.weights.files import MatrixWeights as MatrixWeights
from digicarbon.weights.nested import NestedWeights as NestedWeights
