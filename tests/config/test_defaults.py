"""In Python a model, and what makes its standard errors, has the defaults of the shipped options."""

from __future__ import annotations

import pytest

from digicarbon.config.compose import Composer, loader
from digicarbon.spec import Spec, locate

BASE = Composer(loader(), "config")
STUDY = {"y", "x", "controls"}
"""What the study gives: outcome, measure and its controls."""
OF_OPTION = {
    ("fe", "lsdv", "fe_time", "pooled", "random", "between", "first_difference"): ("effects", "estimator"),
    ("stacked", "imputation", "callaway_santanna", "synthetic_did"): ("estimator",),
    ("event_study", "sun_abraham"): ("estimator", "aggregate"),
    ("dynamic_sar", "gmm_system"): ("kind",),
    ("twfe_regions", "sdm_regions"): ("by",),
}
"""What an option is named after, where several have one class: the class has the default of one of them.

The groups of a class are those of a known country, if there is one.
"""
NESTED = {"distances"}
"""Specifications in a node of their own."""


@pytest.mark.parametrize("option", BASE.options("model"))
def test_a_model_in_python_has_the_defaults_of_its_option(option: str) -> None:
    composer = Composer(loader(), "config", [f"model={option}"])
    named = {name for options, names in OF_OPTION.items() if option in options for name in names}
    node = dict(composer.merged()["model"])
    cls = locate(node.pop("_target_"), "model")
    assert isinstance(cls, type)
    assert issubclass(cls, Spec)
    inference = composer.merged()["inference"]
    seen = set()
    for name, written in node.items():
        field = cls.model_fields[name]
        if field.is_required() or name in STUDY | NESTED | named:
            continue
        own = isinstance(written, str) and written.startswith("${inference.")
        value = inference[written.removeprefix("${inference.").rstrip("}")] if own else written
        default = field.get_default(call_default_factory=True)
        assert (list(default) if isinstance(default, tuple) else default) == value, name
        seen.add(name)
    assert "test" in seen


def test_inference_in_python_is_the_option_of_the_default_sentence() -> None:
    node = dict(BASE.merged()["inference"])
    cls = locate(node.pop("_target_"), "inference")
    assert isinstance(cls, type)
    assert issubclass(cls, Spec)
    assert cls().model_dump() == node
