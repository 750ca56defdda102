"""Answers of the authors: questions are added and nothing is changed; wrong answers are sentences with their key."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from specimen import whole

from digicarbon.config.describe import experiments
from digicarbon.config.files import ANSWERS, find
from digicarbon.errors import ConfigError
from digicarbon.packs.deposit import package
from digicarbon.packs.deposit.package.answers import (
    Answers,
    Author,
    DataAnswers,
    answers,
    ask,
    completed,
    listed,
    open_questions,
    questions,
)
from digicarbon.packs.deposit.package.schema import of_answers

SOURCES: dict[str, set[str]] = {"mydata": set(), "w1": {"citation"}}


def test_every_question_is_a_field_and_every_field_a_question() -> None:
    own = [key for key in questions() if "." not in key]
    assert own == [name for name in Answers.model_fields if name != "data"]
    assert [key.removeprefix("data.") for key in questions() if "." in key] == list(DataAnswers.model_fields)
    assert all(words["en"] and words["zh"] for words in questions().values())


@pytest.mark.parametrize("name", ["questions", "checklists", "words"])
def test_tables_of_words_have_as_many_cells_as_heads(name: str) -> None:
    with (Path(package.__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        heads, *rows = csv.reader(file)
    assert rows
    assert all(len(row) == len(heads) and all(row) for row in rows)


def test_open_questions_are_listed_by_source() -> None:
    answered = Answers(**{**whole(), "title": None})
    assert listed(open_questions(answered, {"b": {*DataAnswers.model_fields} - {"cost", "share"}})) == (
        "  title\n  data.b: cost, share\n"
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_new_file_asks_everything_and_answers_nothing(language: Any, tmp_path: Path) -> None:
    file = tmp_path / "experiments" / "package.yaml"
    assert ask(file, SOURCES, language)
    text = file.read_text(encoding="utf-8")
    for key, words in questions().items():
        assert f"# {words[language]}\n" in text
        assert f"{key.rpartition('.')[2]}:\n" in text
    read = answers(file)
    assert read == Answers(data={"mydata": {}, "w1": {}})
    asked = {question.key for question in open_questions(read, SOURCES)}
    assert "data.mydata.citation" in asked
    assert "data.w1.citation" not in asked
    assert len(asked) == len(Answers.model_fields) - 1 + 2 * (len(DataAnswers.model_fields) - 1) - 1
    assert not ask(file, SOURCES, language)


def test_whole_answers_leave_nothing_open(tmp_path: Path) -> None:
    file = tmp_path / "package.yaml"
    file.write_text(yaml.safe_dump(dict(whole()), allow_unicode=True), encoding="utf-8")
    assert list(open_questions(answers(file), {"mydata": set()})) == []
    assert [one.key for one in open_questions(answers(file), {"other": {"share"}})] == [
        f"data.other.{name}" for name in DataAnswers.model_fields if name not in ("share", "files")
    ]


_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12)
_SOME = st.fixed_dictionaries(
    {},
    optional={
        "title": _WORDS,
        "abstract": st.lists(_WORDS, min_size=2, max_size=3).map("\n".join),
        "may_use": st.booleans(),
        "keywords": st.lists(_WORDS, max_size=3),
        "authors": st.lists(st.fixed_dictionaries({"name": _WORDS}, optional={"email": _WORDS}), max_size=2),
        "in_paper": st.dictionaries(st.sampled_from("abc"), _WORDS, max_size=2),
        "data": st.dictionaries(
            st.sampled_from(["mydata", "other", "w1"]),
            st.fixed_dictionaries({"title": _WORDS}, optional={"access": _WORDS, "share": st.booleans()}),
            min_size=1,
            max_size=3,
        ),
    },
)


def _keeps(before: Any, after: Any) -> bool:
    if isinstance(before, dict):
        return all(_keeps(value, (after or {}).get(key)) for key, value in before.items())
    return bool(before == after) or (before in (None, {}) and after in (None, {}))


@settings(max_examples=30, deadline=None)
@given(
    given_answers=_SOME,
    indent=st.integers(2, 5),
    style=st.sampled_from([None, "|", '"']),
    comment=st.booleans(),
    order=st.booleans(),
)
def test_new_questions_change_no_answer(
    given_answers: dict[str, Any], indent: int, style: str | None, comment: bool, order: bool
) -> None:
    text = yaml.safe_dump(
        given_answers, allow_unicode=True, indent=indent, default_style=style if style == '"' else None, sort_keys=order
    )
    text = "" if not given_answers else text
    if comment:
        text += "# the last line is a comment"
    after = completed(text, SOURCES, "en")
    read = yaml.safe_load(after)
    assert _keeps(yaml.safe_load(text) or {}, read), (text, after)
    assert set(read) == set(Answers.model_fields)
    assert {"mydata", "w1"} <= set(read["data"])
    for source, known in SOURCES.items():
        assert set(read["data"][source]) >= set(DataAnswers.model_fields) - known
    # lines end as the author's do
    assert completed(text.replace("\n", "\r\n"), SOURCES, "en") == (
        after.replace("\n", "\r\n") if "\n" in text else after
    )
    # a second time nothing is lacking
    assert completed(after, SOURCES, "en") == after
    # all lines of the author are still there, in their order
    lines = iter(after.splitlines())
    assert all(line in lines for line in text.splitlines())


WRONG = [
    ("titel: x\n", "package.titel is not a field of Answers. Did you mean 'title'?"),
    ("may_use: yess\n", "package.may_use: must be true or false; got 'yess'."),
    ("title: [a]\n", "package.title: must be a text"),
    ("keywords: [1]\n", "package.keywords.0"),
    ("authors: [{orcid: 0000-0002-1825-0097}]\n", "package.authors.0.name"),
    ("authors: [{name: Li, orcid: 0000-0002-1825-0098}]\n", "package.authors.0.orcid: '0000-0002-1825-0098' is not"),
    ("data: {mydata: {shar: true}}\n", "package.data.mydata.shar is not a field of DataAnswers. Did you mean 'share'?"),
    ("data: {mydata: {share: maybe}}\n", "package.data.mydata.share: must be true or false; got 'maybe'."),
    ("licence_of_code: MTI\n", "Did you mean 'MIT'?"),
    ("doi: '1234'\n", "package.doi: '1234' is not a DOI."),
    ("bibtex: a book\n", "package.bibtex: must be BibTeX"),
    ("bibtex: '@book{a, title = {b}'\n", "the fault is in 'a'"),
    ("- a\n", "must hold keys and values"),
    ("defaults: [config]\n", "is no experiment; give your experiment another name"),
    ("title: 'a\n", "package.yaml"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG)
def test_a_wrong_answer_is_a_sentence_with_its_key(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "package.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        answers(file)
    assert sentence in str(caught.value)
    assert "package.yaml" in str(caught.value)
    # a file with a fault stays as it is
    with pytest.raises(ConfigError):
        ask(file, SOURCES)
    assert file.read_text(encoding="utf-8") == text


def test_line_ends_and_the_mark_of_the_encoding_stay(tmp_path: Path) -> None:
    file = tmp_path / "package.yaml"
    before = b"\xef\xbb\xbftitle: x\r\ndata:\r\n  mydata:\r\n    share: true\r\n\r\n# mine\r\nfunding: none"
    file.write_bytes(before)
    assert ask(file, SOURCES)
    after = file.read_bytes()
    assert after.count(b"\n") == after.count(b"\r\n") > before.count(b"\n")
    assert after.startswith(b"\xef\xbb\xbftitle: x\r\n")
    assert b"\xef" not in after[1:].replace(b"\xef\xbc", b"")
    assert answers(file).of("mydata").share is True
    assert not ask(file, SOURCES)
    assert file.read_bytes() == after


def test_the_editor_learns_of_its_schema(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    file = tmp_path / "experiments" / "package.yaml"
    ask(file, SOURCES)
    assert "yaml-language-server" not in file.read_text(encoding="utf-8")
    file.unlink()
    schema = tmp_path / ".digicarbon/schema/package.json"
    schema.parent.mkdir(parents=True)
    schema.write_text("{}", encoding="utf-8")
    ask(file, SOURCES)
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    assert (file.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve() == schema.resolve()
    assert not ask(file, SOURCES)


def test_the_editor_checks_answers_as_the_product_does(tmp_path: Path) -> None:
    schema = of_answers()
    Draft7Validator.check_schema(schema)
    validator = Draft7Validator(schema)

    def faults(node: object) -> list[str]:
        return [f"{one.json_path}: {one.message}" for one in validator.iter_errors(json.loads(json.dumps(node)))]

    assert set(schema["properties"]) == set(Answers.model_fields)
    assert set(schema["definitions"]["DataAnswers"]["properties"]) == set(DataAnswers.model_fields)
    assert faults(whole()) == []
    file = tmp_path / "package.yaml"
    ask(file, {"mydata": ()})
    assert faults(yaml.safe_load(file.read_text(encoding="utf-8"))) == []
    right = {"authors": None, "data": {"a": None, "b": {"cost": 120, "share": True}}, "may_use": False}
    assert faults(right) == []
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"titel": "x"}, "'titel' was unexpected"),
        ({"may_use": "yes"}, "$.may_use"),
        ({"authors": [{"orcid": "0"}]}, "'name' is a required property"),
        ({"data": {"a": {"shared": True}}}, "'shared' was unexpected"),
        ({"keywords": 3}, "$.keywords"),
        ({"defaults": ["config"]}, "'defaults' was unexpected"),
    ]
    for node, fault in wrong:
        assert any(fault in one for one in faults(node)), node
        file.write_text(json.dumps(node), encoding="utf-8")
        with pytest.raises(ConfigError):
            answers(file)


def test_an_author_without_a_name_is_told_where_it_belongs(tmp_path: Path) -> None:
    file = tmp_path / "package.yaml"
    file.write_text("authors:\n  - {affiliation: Nankai University}\n", encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"package\.yaml: package\.authors\.0\.name is required; write it into this file"
    ):
        answers(file)


def test_answers_in_braces_are_not_rewritten(tmp_path: Path) -> None:
    file = tmp_path / "package.yaml"
    for text, key in (
        ("data: {}\n", "package.data"),
        ("data:\n  mydata: {}\n", "package.data.mydata"),
        ("data: {mydata: {share: true}}\n", "package.data"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=rf"package\.yaml: {key}: new questions .* not in braces"):
            ask(file, SOURCES)
        assert file.read_text(encoding="utf-8") == text
    assert answers(file).of("mydata").share is True


def test_dates_and_numbers_are_texts() -> None:
    read = DataAnswers(**yaml.safe_load("obtained: 2024-05-03\ncost: 120\ntime: 2\n"))
    assert (read.obtained, read.cost, read.time) == ("2024-05-03", "120", "2")


@pytest.mark.parametrize("orcid", ["0000-0002-1825-0097", "0000-0001-5109-3700", "0000-0002-1694-233X"])
def test_real_identifiers_pass_and_no_other_last_letter_does(orcid: str) -> None:
    assert Author(name="a", orcid=f"https://orcid.org/{orcid}").orcid == orcid
    for last in set("0123456789X") - {orcid[-1]}:
        with pytest.raises(ConfigError, match="is not an ORCID"):
            Author(name="a", orcid=orcid[:-1] + last)


def test_the_file_of_answers_is_no_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "main.yaml").write_text("# mine\ndefaults: [config]\n", encoding="utf-8")
    ask(tmp_path / "experiments" / "package.yaml", SOURCES)
    monkeypatch.chdir(tmp_path)
    names = [name for name, _ in experiments()]
    assert "main" in names
    assert ANSWERS not in names
    assert find(ANSWERS) is None


def test_an_earlier_file_of_answers_learns_the_names_of_files() -> None:
    for share, written in (("", ["a.csv"]), (" false", ["a.csv"]), (" true", None)):
        after = completed(f"data:\n  mydata:\n    share:{share}\n", {"mydata": ()}, "en", {"mydata": ["a.csv"]})
        assert yaml.safe_load(after)["data"]["mydata"]["files"] == written
