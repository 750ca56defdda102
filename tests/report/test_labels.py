"""Words for terms and rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digicarbon.data import terms, words
from digicarbon.note import Language, Note
from digicarbon.report import Labels
from digicarbon.report.labels import options_with_other_words


@pytest.mark.parametrize(
    ("term", "english", "chinese"),
    [
        ("ln_e", "ln(Digital economy)", "ln(数字经济)"),
        ("e", "Digital economy", "数字经济"),
        ("ln_e^2", "[ln(Digital economy)]²", "[ln(数字经济)]²"),
        ("L2.ln_ci", "ln(Carbon intensity) (lag 2)", "ln(碳排放强度)（滞后2期）"),
        ("D.e", "Digital economy (difference 1)", "数字经济（1阶差分）"),
        ("ln_e:region[east]", "ln(Digital economy) × Region: East", "ln(数字经济) × 地区: 东部"),
        ("ln_e:urban", "ln(Digital economy) × urban", "ln(数字经济) × urban"),
        ("rho", "ρ", "ρ"),
        ("sigma2", "σ²", "σ²"),
        ("something_else", "something_else", "something_else"),
        ("C(region)", "C(region)", "C(region)"),
        ("", "", ""),
    ],
)
def test_words_of_terms(term: str, english: str, chinese: str) -> None:
    assert (Labels("en")(term), Labels("zh")(term)) == (english, chinese)
    assert Labels()(term) == term


def test_own_words_go_first_with_and_without_a_language() -> None:
    own = {"ln_e": "ln E", "hub": "Hub city"}
    assert Labels(None, own)("ln_e^2") == "[ln E]²"
    assert Labels(None, own)("W_ln_e", lag_of="ln_e") == "W × ln E"
    assert Labels(None, own)("ln_hub:ln_pgdp") == "ln(Hub city) × ln_pgdp"
    assert Labels(None, own)("ln_pgdp") == "ln_pgdp"
    assert Labels("zh", own)("ln_e") == "ln E"
    assert Labels("zh", {"ln_e^2": "平方项"})("ln_e^2") == "平方项"
    assert Labels("zh", {"nobs": "样本量"}).word("nobs") == "样本量"


def test_heads_of_rows_are_english_without_a_language() -> None:
    assert Labels().word("nobs") == Labels("en").word("nobs") == "Observations"
    assert Labels("zh").word("nobs") == "观测值"
    assert Labels("zh").word("unheard of") == "unheard of"


def test_a_variable_that_is_called_like_a_row_keeps_its_name() -> None:
    assert Labels("en")("total") == "total"


def test_every_shipped_word_is_there_in_both_languages() -> None:
    for found in (terms(), words()):
        assert found
        for key, languages in found.items():
            assert set(languages) == {"en", "zh"}, key
            assert all(text.strip() and text != "nan" for text in languages.values()), key
    assert not set(terms()) & set(words())


@pytest.mark.long
@given(st.text())
def test_any_text_has_words(term: str) -> None:
    assert Labels()(term) == term
    for language in ("en", "zh"):
        assert (Labels(language)(term) == "") == (term == "")


def test_a_spatial_lag_is_one_by_its_role_not_by_its_name() -> None:
    assert Labels("en")("W_ln_e^2", lag_of="ln_e^2") == "W × [ln(Digital economy)]²"
    assert Labels("zh")("W_ln_e^2", lag_of="ln_e^2") == "W × [ln(数字经济)]²"
    assert Labels("en")("W_z2", lag_of="z2") == "W × z2"
    assert Labels(extra={"x": "Digital economy"})("W_z2", lag_of="z2") == "W × z2"
    assert Labels()("W_z2", lag_of="z2") == "W_z2"
    assert Labels("en")("W_z2") == "W_z2"


def test_what_is_no_mapping_stays_as_it_is() -> None:
    assert Labels("en").option("panel.policy", "{pilot") == "{pilot"
    assert Labels("en").option("panel.policy", "{}") == "none"


def test_columns_of_the_first_stage_and_owners_of_trends_have_words() -> None:
    for key in ("shea_r2", "conditional_p"):
        assert {Labels("en").word(key), Labels("zh").word(key)}.isdisjoint({key})
    assert Labels("zh").notes([Note("absorbs_trends", column="unit")]) == ("吸收：个体各自的线性趋势。",)


def test_keys_of_fields_and_heads_of_levels_do_not_take_the_words_of_variables() -> None:
    own = Labels("en", {"x": "Digital", "k": "Capital", "province": "Place"})
    assert own.title("Paths (model.x=[k])", simulated=False) == "Paths (Focal terms: Capital)"
    assert own.row("weights.k", "4") == "Number of neighbours: 4"
    assert (own.level("x"), own.level("outcome"), own.level("province")) == ("x", "Outcome", "Place")
    assert Labels(None, {"x": "Digital"}).level("x") == "x"
    assert Labels("en", {"model.x": "Of interest"}).row("model.x", "[z]") == "Of interest: z"


def test_an_option_whose_words_name_a_field_has_others_where_runs_differ_in_it() -> None:
    def words(*runs: tuple[str, str], **extra: str) -> list[str]:
        choices = [({"model": model}, {"model.effects": effects}) for model, effects in runs]
        labels = Labels("en", extra, options_with_other_words(choices))
        return [labels.option("model", model) for model, _ in runs]

    both, one = "two-way fixed effects", "spatial lag (SAR)"
    assert words(("twfe", "unit"), ("twfe", "two_way")) == ["fixed effects", "fixed effects"]
    assert words(("twfe", "two_way"), ("sar", "unit"), ("twfe", "two_way")) == [both, one, both]
    assert words(("twfe", "unit"), ("twfe", "time"), **{"model=twfe": "FE"}) == ["FE", "FE"]


@pytest.mark.parametrize(("language", "words"), [("en", "winsorised"), ("zh", "缩尾处理")])
def test_words_of_a_sample_hold_for_all_shares(language: Language, words: str) -> None:
    """Shares are fields, which an experiment may change: the note under a table has them."""
    labels = Labels(language)
    assert labels.option("sample", "winsorised") == words
    assert not any(sign.isdigit() for sign in labels.option("sample", "trimmed"))
