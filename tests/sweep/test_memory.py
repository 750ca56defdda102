"""The memory of recorded runs."""

from __future__ import annotations

import subprocess
import sys

from digicarbon.executor.memory import peak_memory

CHILD = """
import sys
block = bytearray(300_000_000)
for place in range(0, len(block), 4096):
    block[place] = 1
del block
print("full", flush=True)
sys.stdin.readline()
"""


def test_memory_of_a_child_counts_while_it_waits_and_after_its_end() -> None:
    before = peak_memory()
    assert before is not None
    assert before > 10**7
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "full\n"
        during = peak_memory()
        child.communicate("\n")
    after = peak_memory()
    assert during is not None
    assert after is not None
    assert 3e8 < after < 3e8 + max(before, 5e8)
    # only Linux tells of processes that still run
    assert not sys.platform.startswith("linux") or during > 3e8
