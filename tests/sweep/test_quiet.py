"""What is done in a pause: once, in time, never beside the main thread's own work, and with its errors told."""

from __future__ import annotations

import threading
import time

import pytest

from digicarbon.sweep.sweep import WhenQuiet


def test_a_pause_is_noticed_once_while_the_main_thread_is_busy() -> None:
    done: list[str] = []
    with WhenQuiet(0.1, lambda: done.append(threading.current_thread().name)) as quiet:
        time.sleep(0.4)
        assert done == [], "nothing was heard, so that there is nothing to do"
        with quiet.heard():
            time.sleep(0.4)
            assert done == []
        time.sleep(0.6)
        assert done == ["digicarbon-quiet"]


def test_an_error_is_raised_when_the_main_thread_comes_back() -> None:
    def act() -> None:
        raise OSError("full")

    def listen() -> None:
        with WhenQuiet(0.05, act) as quiet:
            with quiet.heard():
                pass
            time.sleep(0.5)
            with quiet.heard():
                pytest.fail("the error comes first")

    with pytest.raises(OSError, match="full"):
        listen()


def test_an_error_of_the_last_pause_is_raised_at_the_end() -> None:
    def act() -> None:
        raise OSError("full")

    def listen() -> None:
        with WhenQuiet(0.05, act) as quiet:
            with quiet.heard():
                pass
            time.sleep(0.5)

    with pytest.raises(OSError, match="full"):
        listen()


def test_an_interrupt_reaches_the_main_thread_at_once() -> None:
    def act() -> None:
        raise KeyboardInterrupt

    def listen() -> None:
        with WhenQuiet(0.05, act) as quiet:
            with quiet.heard():
                pass
            for _ in range(200):
                time.sleep(0.05)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        listen()
    assert time.monotonic() - start < 9
