"""What is done in a pause: once, in time, never beside the main thread's own work, and with its errors told."""

from __future__ import annotations

import threading
import time

import pytest

from digicarbon.sweep.sweep import WhenQuiet

PATIENCE = 30.0
"""Seconds within which what is awaited comes; it usually takes less than one."""


def test_a_pause_is_noticed_once_while_the_main_thread_is_busy() -> None:
    done: list[str] = []
    acted = threading.Event()

    def act() -> None:
        done.append(threading.current_thread().name)
        acted.set()

    with WhenQuiet(0.1, act) as quiet:
        time.sleep(0.4)
        assert done == [], "nothing was heard, so that there is nothing to do"
        with quiet.heard():
            time.sleep(0.4)
            assert done == []
        assert acted.wait(PATIENCE)
        time.sleep(0.4)
        assert done == ["digicarbon-quiet"]


def test_an_error_is_raised_when_the_main_thread_comes_back() -> None:
    acted = threading.Event()

    def act() -> None:
        acted.set()
        raise OSError("full")

    def listen() -> None:
        with WhenQuiet(0.05, act) as quiet:
            with quiet.heard():
                pass
            assert acted.wait(PATIENCE)
            with quiet.heard():
                pytest.fail("the error comes first")

    with pytest.raises(OSError, match="full"):
        listen()


def test_an_error_of_the_last_pause_is_raised_at_the_end() -> None:
    acted = threading.Event()

    def act() -> None:
        acted.set()
        raise OSError("full")

    def listen() -> None:
        with WhenQuiet(0.05, act) as quiet:
            with quiet.heard():
                pass
            assert acted.wait(PATIENCE)

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
            pytest.fail("the interrupt did not come while the main thread was busy")

    with pytest.raises(KeyboardInterrupt):
        listen()
