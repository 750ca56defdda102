"""Where runs are fitted: joblib's backends."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from digicarbon.spec import Spec


class Executor(Spec):
    """How runs are spread over processes.

    Attributes
    ----------
    backend : {"loky", "threading", "sequential"}
        joblib's backend: worker processes, threads, or this process alone.
    n_jobs : int
        Workers; -1 takes every core.
    batch : int
        Runs in one task; 0 lets the number of runs decide.
    """

    role: ClassVar[str] = "executor"

    backend: Literal["loky", "threading", "sequential"] = "loky"
    n_jobs: int = -1
    batch: Annotated[int, Field(ge=0)] = 0

    @field_validator("n_jobs")
    @classmethod
    def _some_worker(cls, n_jobs: int) -> int:
        if n_jobs == 0:
            raise ValueError("0 workers can do nothing; give a number from 1, or -1 for every core.")
        return n_jobs

    def chunk(self, runs: int) -> int:
        """Return how many runs make one task, so that start-up costs vanish and the bar still moves."""
        return self.batch or max(1, min(50, runs // 16))
