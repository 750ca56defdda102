"""Worker processes end soon after the command that started them is gone, whatever they are doing."""

from __future__ import annotations

import os
import sys
import threading
import time

LOOK = 1.0
"""Seconds between two looks at whether the parent is still there."""


def end_with(parent: int) -> None:
    """Have this process end when its parent has ended; workers call it first.

    A worker of joblib would otherwise finish what it has in hand, for nobody, wait five minutes for more, and keep open
    what it inherited, e.g. the pipe that a script reads the command's answer from.

    Parameters
    ----------
    parent : int
        The parent's process id; it may have ended before this is called.
    """
    threading.Thread(target=_end_after, args=(parent,), daemon=True, name="digicarbon-parent").start()


def _end_after(parent: int) -> None:
    if sys.platform == "win32":
        import multiprocessing

        # a process keeps the id of a parent that is gone there; joblib's workers hold a handle instead
        known = multiprocessing.parent_process()
        if known is None:
            return
        known.join()
    else:
        while os.getppid() == parent:
            time.sleep(LOOK)
    os._exit(1)
