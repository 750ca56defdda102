"""What a block raises becomes a note: errors of ours with their place, errors of others, and ends of the process."""

from __future__ import annotations

import pytest

from digicarbon.errors import DataError, Interrupt
from digicarbon.note import Note
from digicarbon.note.ending import Caught

OWN = Note("code_of", classes=["Mine"])


@pytest.mark.parametrize(
    ("error", "note", "chinese"),
    [
        (DataError(Note("no_rows_left")), Note("no_rows_left"), "面板中没有剩余的行。"),
        (
            DataError(Note("no_rows_left"), "a.yaml"),
            Note("placed", where="a.yaml", said=Note("no_rows_left")),
            "a.yaml：面板中没有剩余的行。",
        ),
        (ValueError("half \ud800"), Note("unexpected_error", kind="ValueError", text="half \\ud800"), None),
        (SystemExit(3), None, "Mine的代码要求结束进程（退出状态3）；它必须返回结果或引发错误。"),
        (
            KeyboardInterrupt(),
            None,
            "Mine的代码引发了会结束进程的KeyboardInterrupt（未说明原因）；它必须返回结果或引发错误。",
        ),
    ],
)
def test_an_error_is_a_note(error: BaseException, note: Note | None, chinese: str | None) -> None:
    with Caught(OWN) as caught:
        raise error
    assert caught.note is not None
    assert note in (None, caught.note)
    assert chinese in (None, caught.note.text("zh"))
    assert caught.sentence == str(caught.note)
    assert type(error).__name__ in caught.traceback
    caught.traceback.encode()


def test_no_error_is_no_note() -> None:
    with Caught(OWN) as caught:
        pass
    assert (caught.note, caught.sentence, caught.traceback) == (None, "", "")


def test_ctrl_c_and_ends_in_code_of_ours_are_not_caught() -> None:
    with pytest.raises(Interrupt), Caught(OWN):
        raise Interrupt
    with pytest.raises(SystemExit), Caught():
        raise SystemExit(1)
