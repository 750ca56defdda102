import numpy as np

from digicarbon.source._drawn import frame, remembered


def test_errors_with_a_memory_are_an_autoregression_of_variance_1() -> None:
    white = np.random.default_rng(1).standard_normal((4000, 6))

    errors = remembered(white, 0.6)

    assert np.array_equal(errors[:, 0], white[:, 0])
    np.testing.assert_allclose(errors[:, 3], 0.6 * errors[:, 2] + 0.8 * white[:, 3])
    assert np.array_equal(remembered(white, 0.0), white)
    np.testing.assert_allclose(errors.var(axis=0), 1, atol=0.08)


def test_a_frame_has_units_by_years_and_repeats_what_is_shared() -> None:
    columns = {"y": np.arange(20.0).reshape(10, 2), "place": np.arange(10.0)[:, None], "shock": np.array([[7.0, 8.0]])}

    drawn = frame(10, 2, 2001, columns)

    assert drawn["unit"].iloc[[0, 1, -1]].tolist() == ["u01", "u01", "u10"]
    assert drawn["time"].tolist() == [2001, 2002] * 10
    assert drawn["y"].tolist() == list(range(20))
    assert drawn["place"].tolist() == np.repeat(range(10), 2).tolist()
    assert drawn["shock"].tolist() == [7.0, 8.0] * 10
