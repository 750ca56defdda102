"""What a user asks of errors and tests is honoured by the model, or refused: nothing of it is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from digicarbon.config.compose import Composer
from digicarbon.config.files import ROOT
from digicarbon.errors import COMMAND_LINE, ConfigError
from digicarbon.inference import Inference
from digicarbon.model import Model
from digicarbon.model.base import is_offered, shown, why_not, words_of
from digicarbon.note import Note, cut
from digicarbon.plan.choice import Choice

_OF_DRAWS = frozenset({"draws", "signs", "weights", "seed", "intervals"})
_USUAL: Mapping[str, Any] = {name: field.default for name, field in Inference.model_fields.items()} | {"cov": None}
"""What a model does that does not read a field; nobody knows which errors it has."""


def refuse_unhonoured(
    model: Model, inference: Inference, composer: Composer, choice: Choice, options: Mapping[str, str]
) -> None:
    """Raise a `ConfigError` if a model leaves out a field of ``inference`` that its user asks for.

    What the default sentence says is asked for by nobody: a run whose model lacks it goes on, and its result says what
    errors and p values it has. ``options``: the option of each config group.
    """
    if not model.terms:
        return
    offers = model.offers
    # draws of a test that the model does not have
    idle = model.ignored & _OF_DRAWS if "wild" not in offers.get("test", ("wild",)) else frozenset()
    fields = {name: field for name, field in type(model).model_fields.items() if name not in idle}
    for name, usual in _USUAL.items():
        wanted, reads, offered = getattr(inference, name), name in fields, offers.get(name)
        own = getattr(model, name) if reads else usual
        if own == wanted and is_offered(own, offered):
            continue
        by_model = reads and _asked(f"model.{name}", composer, choice)
        if not by_model and not _asked(f"inference.{name}", composer, choice):
            continue
        key = f"{'model' if by_model else 'inference'}.{name}"
        facts = {"model": options["model"], "value": shown(own if by_model else wanted)}
        if by_model or own == wanted:
            if offered is None or is_offered(own, offered):
                continue
            why = why_not(model, name, own if by_model else wanted)
            said = Note("request_unoffered", key=key, offered=words_of(offered), why=why, **facts)
        elif name in inference.void or (own is not None and model.same.get(name, {}).get(wanted) == own):
            continue
        else:
            taken = (one for one in _USUAL if composer.origin(f"model.{one}", choice.values) == f"inference.{one}")
            read = cut((f"inference.{one}" for one in taken), 20)
            said = Note("request_unread", key=key, read=read, **facts)
            if reads:
                words = cut(map(str, get_args(fields[name].annotation)))
                said = Note("request_fixed", key=key, own=shown(own), name=name, offered=words, read=read, **facts)
        group = key.partition(".")[0]
        place = COMMAND_LINE if key in composer.given else choice.place(key) or choice.place(group)
        written = next((file.shown for file in composer.files if file.sets(key)), "")
        raise ConfigError(said, place or written or composer.chooser(group))


def _asked(key: str, composer: Composer, choice: Choice) -> bool:
    """Return whether a user wrote a value of a key, or chose the option of ``inference`` that has it."""
    group = key.partition(".")[0]
    chosen = choice.place(group) is not None or group in composer.given
    chosen = chosen or any(file.chooses(group) for file in composer.files if file.name != ROOT)
    return is_written(key, composer, choice) or (group == "inference" and chosen)


def is_written(key: str, composer: Composer, choice: Choice) -> bool:
    """Return whether a user wrote a value of a key."""
    files = [file for file in composer.files if file.name != ROOT]
    return choice.place(key) is not None or key in composer.given or any(file.sets(key) for file in files)
