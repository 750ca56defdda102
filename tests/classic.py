"""digicarbon whose models have classic standard errors, and p values from them, where a test names none.

Most tests are about coefficients and errors. Without these words each of their fits would draw a wild bootstrap.
"""

from __future__ import annotations

from typing import Any

import digicarbon
import digicarbon.model
from digicarbon.model import Model

CLASSIC: dict[str, object] = {"cov": "classic", "test": "errors"}
USUAL: dict[str, dict[str, object]] = {
    **{name: {"test": "errors"} for name in ("DecayPanel", "DiD", "DistanceBands", "Mediation", "PanelQuantile")},
    "DynamicPanel": {"test": "errors", "collapse": False},
}
"""What models take whose errors are not classic where nobody names them."""


class _Class:
    """A class of models; what is made of it has classic errors."""

    def __init__(self, cls: type[Model]) -> None:
        self.cls, self.usual = cls, USUAL.get(cls.__name__, CLASSIC)

    def __call__(self, **fields: Any) -> Model:
        return self.cls(**self.usual | fields)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cls, name)

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type[Model]]:
        return (self.cls,)

    def __eq__(self, other: object) -> bool:
        return (other.cls if isinstance(other, _Class) else other) is self.cls

    def __hash__(self) -> int:
        return hash(self.cls)

    def __instancecheck__(self, one: object) -> bool:
        return isinstance(one, self.cls)


def __getattr__(name: str) -> Any:
    """Return what digicarbon has under a name; of a class of models one whose instances have classic errors."""
    found = getattr(digicarbon, name, None) or getattr(digicarbon.model, name)
    return _Class(found) if isinstance(found, type) and issubclass(found, Model) and found is not Model else found
