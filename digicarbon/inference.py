"""How standard errors are computed; models take these fields by reference in their YAML."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from digicarbon.numeric.covariance import ClusterBy, SmallSample
from digicarbon.spec import Spec


class Inference(Spec):
    """The kind of standard error, shared by the models of a sweep.

    Attributes
    ----------
    cov : {"classic", "robust", "cluster"}
    cluster : {"unit", "time"}
        What a cluster is.
    small_sample : {"stata", "none", "g", "full"}
        Factor of a clustered covariance.
    df : {"auto", "residual"}
        Degrees of freedom of clustered t statistics: G - 1, or the residual ones.
    level : float
        Coverage of intervals.
    """

    role: ClassVar[str] = "inference"

    cov: Literal["classic", "robust", "cluster"] = "classic"
    cluster: ClusterBy = "unit"
    small_sample: SmallSample = "stata"
    df: Literal["auto", "residual"] = "auto"
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
