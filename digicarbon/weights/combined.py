"""Weights that are made from other weights: blends, higher orders and permutations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import scipy
from pydantic import BeforeValidator, Field, PlainSerializer

from digicarbon.errors import WeightsError
from digicarbon.note import Note
from digicarbon.numeric.resampling.unit_permutation import permutations
from digicarbon.numeric.spatial.normalisation import Normalise
from digicarbon.numeric.spatial.proximity import higher_order
from digicarbon.panel import Panel
from digicarbon.spec import nested, under
from digicarbon.weights._units import IslandsUnplaced
from digicarbon.weights.base import Weights, WeightsSpec


def _built(value: object) -> object:
    """Return the specification that a node names; anything else is left to pydantic's own check."""
    if isinstance(value, WeightsSpec):
        return value
    if not isinstance(value, Mapping):
        example = "{_target_: digicarbon.weights.AdjacencyWeights}"
        raise ValueError(Note("weights_no_node", example=example, given=repr(value)))
    return nested(value, WeightsSpec)


def _node(spec: WeightsSpec) -> dict[str, Any]:
    kind = type(spec)
    return {"_target_": f"{kind.__module__}.{kind.__qualname__}", **spec.model_dump()}


Node = Annotated[WeightsSpec, BeforeValidator(_built), PlainSerializer(_node)]
"""Weights within weights: a mapping with a ``_target_``, built and checked with the specification that holds it."""


class BlendWeights(WeightsSpec):
    r"""A weighted mean of two matrices, :math:`W = a W_1 + (1 - a) W_2`.

    Both are normalised as the blend is before they are added, whatever their own nodes say, so that ``share`` means
    what it says; with ``normalise=none`` they are added as their nodes normalise them. In a sample of some units the
    blend of all units is normalised anew.

    Attributes
    ----------
    first : WeightsSpec
        A node with its own ``_target_`` and fields.
    second : WeightsSpec
        The other one, a node like the first.
    share : float
        The share a of the first, from 0 to 1.
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    islands : {"refuse", "keep"}
        What to do with a unit that has no neighbour in either.
    """

    first: Node
    second: Node
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    normalise: Normalise = "row"
    islands: IslandsUnplaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises
        ------
        DataError, WeightsError
            As the two nodes raise, or if a unit has no neighbour and ``islands`` is ``"refuse"``.
        """
        first, second = (self._side(field, panel) for field in ("first", "second"))
        matrix = scipy.sparse.csr_array(self.share * first.matrix + (1 - self.share) * second.matrix)
        blend = Weights.from_matrix(matrix, panel.units, islands=self.islands, name="blend", normalise=self.normalise)
        return blend.noting(*first.notes, *second.notes)

    def _side(self, field: str, panel: Panel) -> Weights:
        with under(f"weights.{field}", WeightsSpec):
            node: WeightsSpec = getattr(self, field)
            found = node.compute(panel).restrict(panel.units, islands="keep")
        if self.normalise == "none":
            return found
        made = Weights.from_matrix(found.raw, found.labels, islands="keep", name=found.name, normalise=self.normalise)
        return made.noting(*found.notes)


class HigherOrderWeights(WeightsSpec):
    """Neighbours of neighbours: pairs whose shortest path in a base matrix has ``order`` steps weigh 1.

    Attributes
    ----------
    base : WeightsSpec
        A node with its own ``_target_`` and fields; only which pairs it links matters.
    order : int
        Steps; 2 are the neighbours of neighbours.
    lower : bool
        Whether pairs of fewer steps weigh 1, too.
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    islands : {"refuse", "keep"}
        What to do with a unit from which no path of so many steps leads.
    """

    base: Node
    order: Annotated[int, Field(ge=1)] = 2
    lower: bool = False
    normalise: Normalise = "row"
    islands: IslandsUnplaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises
        ------
        DataError, WeightsError
            As the node raises, if no pair is so many steps apart, or if a unit has no neighbour and ``islands`` is
            ``"refuse"``.
        """
        with under("weights.base", WeightsSpec):
            base = self.base.compute(panel).restrict(panel.units, islands="keep")
        matrix = higher_order(base.raw, self.order, self.lower)
        if matrix.nnz == 0:
            raise WeightsError(
                Note("weights_order", key="weights.order", order=self.order, weights=base.name, links=base.raw.nnz)
            )
        name = f"order {self.order} of {base.name}"
        made = Weights.from_matrix(matrix, panel.units, islands=self.islands, name=name, normalise=self.normalise)
        return made.noting(*base.notes)


class PermutedWeights(WeightsSpec):
    r"""A placebo: another matrix with its units exchanged at random, :math:`P W P^\top`.

    Links, their weights and their number per unit are those of the base; who has which neighbours is chance.

    Attributes
    ----------
    base : WeightsSpec
        A node with its own ``_target_`` and fields, which say how weights are normalised.
    seed : int
        Of the permutation P of all units of the panel; a sample takes its part of the permuted matrix.
    islands : {"refuse", "keep"}
        What to do with a unit that has no neighbour.
    """

    base: Node
    seed: Annotated[int, Field(ge=0)] = 1
    islands: IslandsUnplaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises
        ------
        DataError, WeightsError
            As the node raises, or if a unit has no neighbour and ``islands`` is ``"refuse"``.
        """
        with under("weights.base", WeightsSpec):
            base = self.base.compute(panel).restrict(panel.units, islands="keep")
        order = permutations(len(panel.units), 1, self.seed)[0]
        name = f"{base.name}, permuted ({self.seed})"
        matrix = base.raw[order][:, order]
        made = Weights.from_matrix(matrix, panel.units, islands=self.islands, name=name, normalise=base.normalisation)
        said = Note("placebo_weights", weights=base.name, seeds=Note("seed", seed=self.seed))
        return made.noting(*base.notes, said)
