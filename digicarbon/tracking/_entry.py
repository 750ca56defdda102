"""The input of a sweep to the store: where runs are recorded, and the entry of each run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import field_validator

from digicarbon.note import Note
from digicarbon.result import Asked, Result
from digicarbon.secret import learn
from digicarbon.spec import Spec


class Tracking(Spec):
    """Where runs are recorded.

    Attributes
    ----------
    uri : str
        MLflow tracking address: ``sqlite:///…`` relative to the working directory, ``postgresql+psycopg://…``, or
        ``http(s)://…``.
    artifacts : str
        Folder of tables and files; a server decides for itself.
    experiment : str
        MLflow experiment; empty takes the name of the experiment file.
    """

    role: ClassVar[str] = "tracking"

    uri: str = "sqlite:///mlruns/mlflow.db"
    artifacts: str = "mlruns/artifacts"
    experiment: str = ""

    @field_validator("uri")
    @classmethod
    def _no_query(cls, uri: str) -> str:
        if uri.startswith("sqlite:///") and not uri.startswith("sqlite:///file:") and "?" in uri:
            # the text behind the mark, maybe a password, would be part of the file's name
            learn(uri)
            raise ValueError(Note("store_with_query", example="sqlite:///mlruns/mlflow.db"))
        return uri

    @field_validator("uri")
    @classmethod
    def _port_is_a_number(cls, uri: str) -> str:
        _, separator, rest = uri.partition("://")
        host = re.split("[/?]", rest.rpartition("@")[2])[0]
        port = host.rpartition("]")[2].partition(":")[2]
        if separator and port and not port.isdecimal():
            # the text may be a password
            learn(uri if "@" in rest else f"{uri}@")
            example = "postgresql+psycopg://name:${oc.env:WORD}@host:5432/db"
            raise ValueError(Note("store_port_no_number", example=example))
        return uri

    def model_post_init(self, context: Any) -> None:
        """Learn the secrets of the address, so that messages made from a driver's errors hide them."""
        learn(self.uri)


@dataclass(frozen=True, eq=False)
class Entry:
    """The record of one run.

    Attributes
    ----------
    label : str
    params : mapping of str to str
    tags : mapping of str to str
        ``digicarbon.hash`` is the run's content hash, by which it is found again.
    config : mapping or str
        The composed configuration, as plain values or as YAML text. A mapping is quick if runs share the nodes of
        its groups: each node is turned into YAML once.
    result : Result or None
        None for a failed run.
    error : str
        The sentence of a failed run, and its traceback.
    start, end : int
        Milliseconds since the epoch.
    data_name, data_digest, data_profile : str
        The data set's name, fingerprint (36 characters at most) and size.
    reused_from : str
        Id of the run in another sweep whose result was copied; empty for a run that was fitted now.
    asked : Asked
        Which number of the result is the run's effect.
    why : Note or None
        The sentence of a failed run as a note, without secrets.
    """

    label: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    config: Mapping[str, Any] | str
    result: Result | None
    error: str
    start: int
    end: int
    data_name: str
    data_digest: str
    data_profile: str
    reused_from: str = ""
    asked: Asked = field(default_factory=Asked)
    why: Note | None = None
