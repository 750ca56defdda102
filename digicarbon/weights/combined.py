"""Weights that are built from other weights: blends, higher orders and permutations."""

from __future__ import annotations

from typing import Annotated, ClassVar

import scipy
from pydantic import Field

from digicarbon.errors import WeightsError
from digicarbon.note import Note
from digicarbon.numeric.resampling.unit_permutation import permutations
from digicarbon.numeric.spatial.operator import Normalise
from digicarbon.numeric.spatial.proximity import higher_order
from digicarbon.panel import Panel
from digicarbon.spec import Seed, under
from digicarbon.weights.base import IslandsUnplaced, Node, Weights, WeightsSpec


class BlendWeights(WeightsSpec):
    r"""A weighted mean of two matrices, :math:`W = a W_1 + (1 - a) W_2`.

    Before they are added, both are normalised as the blend is, whatever their own nodes say, so that ``share`` is the
    share of the first in the blend; with ``normalise=none`` they are added as their nodes normalise them. For a sample
    of some units, the blend of all units is restricted and normalised anew.

    Attributes
    ----------
    first : WeightsSpec
        A node with its own ``_target_`` and fields.
    second : WeightsSpec
        The other matrix, a node like the first.
    share : float
        The share a of the first matrix, from 0 to 1.
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    islands : {"refuse", "keep"}
        What to do with a unit that has no neighbour in either matrix.
    """

    first: Node
    second: Node
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    normalise: Normalise = "row"
    islands: IslandsUnplaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises DataError or WeightsError as the two nodes raise, or if a unit has no neighbour and ``islands`` is
        ``"refuse"``.
        """
        first, second = (self._side(field, panel) for field in ("first", "second"))
        matrix = scipy.sparse.csr_array(self.share * first.matrix + (1 - self.share) * second.matrix)
        blend = Weights.from_matrix(
            matrix, panel.units, islands=self.islands, name=Note("blended_weights"), normalise=self.normalise
        )
        return blend.noting(*first.notes, *second.notes)

    def _side(self, field: str, panel: Panel) -> Weights:
        with under(f"weights.{field}", WeightsSpec):
            node: WeightsSpec = getattr(self, field)
            own = node.compute(panel).restrict(panel.units, islands="keep")
        if self.normalise == "none":
            return own
        result = Weights.from_matrix(own.raw, own.labels, islands="keep", name=own.called, normalise=self.normalise)
        return result.noting(*own.notes)


class HigherOrderWeights(WeightsSpec):
    """Neighbours of neighbours: pairs whose shortest path in a base matrix has ``order`` steps weigh 1.

    Attributes
    ----------
    base : WeightsSpec
        A node with its own ``_target_`` and fields; of its weights only the links matter, not their size.
    order : int
        Steps; 2 are the neighbours of neighbours.
    lower : bool
        Whether pairs of fewer steps weigh 1, too.
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    islands : {"refuse", "keep"}
        What to do with a unit from which no path of this length starts.
    """

    references: ClassVar[tuple[str, ...]] = ("anselin1996order",)

    base: Node
    order: Annotated[int, Field(ge=1)] = 2
    lower: bool = False
    normalise: Normalise = "row"
    islands: IslandsUnplaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises DataError or WeightsError as the node raises, if no pair is ``order`` steps apart, or if a unit has no
        neighbour and ``islands`` is ``"refuse"``.
        """
        with under("weights.base", WeightsSpec):
            base = self.base.compute(panel).restrict(panel.units, islands="keep")
        matrix = higher_order(base.raw, self.order, self.lower)
        if matrix.nnz == 0:
            raise WeightsError(
                Note("weights_order", key="weights.order", order=self.order, weights=base.called, links=base.raw.nnz)
            )
        name = Note("weights_of_order", order=self.order, weights=base.called)
        result = Weights.from_matrix(matrix, panel.units, islands=self.islands, name=name, normalise=self.normalise)
        return result.noting(*base.notes)


class PermutedWeights(WeightsSpec):
    r"""A placebo: another matrix with its units exchanged at random, :math:`P W P^\top`.

    Links, their weights and their number per unit are those of the base; which units are neighbours is random.

    Attributes
    ----------
    base : WeightsSpec
        A node with its own ``_target_`` and fields, which say how weights are normalised.
    seed : int
        The seed of the permutation P of all units of the panel; a sample uses its part of the permuted matrix.
    islands : {"refuse", "keep"}
        What to do with a unit that has no neighbour.
    """

    base: Node
    seed: Seed = 1
    islands: IslandsUnplaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises DataError or WeightsError as the node raises, or if a unit has no neighbour and ``islands`` is
        ``"refuse"``.
        """
        with under("weights.base", WeightsSpec):
            base = self.base.compute(panel).restrict(panel.units, islands="keep")
        order = permutations(len(panel.units), 1, self.seed)[0]
        name = Note("permuted_weights", weights=base.called, seed=self.seed)
        matrix = base.raw[order][:, order]
        result = Weights.from_matrix(matrix, panel.units, islands=self.islands, name=name, normalise=base.normalisation)
        note = Note("placebo_weights", weights=base.called, seeds=Note("seed", seed=self.seed))
        return result.noting(*base.notes, note)
