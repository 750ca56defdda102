"""Worker processes end soon after the command that started them is gone, whatever they are doing."""

from __future__ import annotations

import os
import sys
import threading
import time

LOOK = 1.0
"""Seconds between two checks whether the parent still runs."""


def end_with(parent: int) -> None:
    """Have this process end when its parent has ended; workers call it first.

    A worker of joblib would otherwise finish its runs for nobody, wait five minutes for more, and keep inherited files
    open, e.g. the pipe from which a script reads the command's output.

    ``parent``: the parent's process id; it may have ended before this is called.
    """
    threading.Thread(target=_end_after, args=(parent,), daemon=True, name="digicarbon-parent").start()


def _end_after(parent: int) -> None:
    if sys.platform == "win32":
        import multiprocessing

        # on Windows a process keeps the id of a parent that has ended; joblib's workers hold a handle instead
        process = multiprocessing.parent_process()
        if process is None:
            return
        process.join()
    else:
        while os.getppid() == parent:
            time.sleep(LOOK)
    os._exit(1)
