"""How long a package of the paper's experiments takes, beside the runs that are packaged.

``python tests/benchmark/bench_package.py``; CPU seconds of one process, in a folder and store of its own. The peer is
`digicarbon run paper` in the same call.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

from digicarbon.__main__ import main


def seconds(*words: str) -> float:
    """Return the CPU seconds of a command."""
    start = time.process_time()
    assert main(words) == 0
    return time.process_time() - start


if __name__ == "__main__":
    os.chdir(tempfile.mkdtemp())
    ran = seconds("run", "paper", "executor=sequential")
    packaged = seconds("package", "paper", "--to", "package")
    sys.stdout.write(f"run {ran:.1f} s, package {packaged:.1f} s, ratio {packaged / ran:.2f}\n")
