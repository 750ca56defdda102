"""Where runs are fitted."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.executor.backends import DaskExecutor as DaskExecutor
    from digicarbon.executor.backends import Executor as Executor
    from digicarbon.executor.backends import LocalExecutor as LocalExecutor
    from digicarbon.executor.backends import RayExecutor as RayExecutor
    from digicarbon.executor.backends import SlurmExecutor as SlurmExecutor

lazy(__name__)
