"""Voices have the pitch, the resonances and the words that they are asked for."""

from aelib import voices
import numpy as np
import pytest
from scipy.signal import find_peaks, periodogram

LOW, HIGH = voices.Speaker(110, 1.1, 0.5), voices.Speaker(200, 0.9, 0.5)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def held(speaker: voices.Speaker, phoneme: str, seconds: float = 1.0) -> np.ndarray:
    return voices.say(speaker, [phoneme], [seconds], rng())[0]


def power(sound: np.ndarray, low: float, high: float) -> float:
    """Sum the power between two frequencies."""
    frequencies, powers = periodogram(sound, voices.RATE)
    return powers[(frequencies >= low) & (frequencies < high)].sum()


@pytest.mark.parametrize("speaker", [LOW, HIGH])
@pytest.mark.parametrize("phoneme", ["a", "i", "m"])
def test_autocorrelation_finds_the_pitch_again(speaker, phoneme):
    spectrum = np.abs(np.fft.rfft(held(speaker, phoneme))) ** 2
    same = np.fft.irfft(spectrum)
    lags = np.arange(voices.RATE // 300, voices.RATE // 105)
    best = lags[same[lags].argmax()]
    assert best == pytest.approx(voices.RATE / speaker.pitch, abs=1)


def test_a_tune_bends_the_pitch():
    sound, _ = voices.say(LOW, ["a"], [2.0], rng(), tune=[1.0, 1.5])
    for half, pitch in ((sound[:2000], 110 * 1.06), (sound[-2000:], 110 * 1.44)):
        same = np.fft.irfft(np.abs(np.fft.rfft(half, 4000)) ** 2)
        lags = np.arange(voices.RATE // 300, voices.RATE // 105)
        assert voices.RATE / lags[same[lags].argmax()] == pytest.approx(pitch, rel=0.06)


@pytest.mark.parametrize("tract", [0.9, 1.0, 1.15])
@pytest.mark.parametrize(
    "phoneme, formants", [("a", (730, 1090)), ("e", (530, 1840)), ("i", (270, 2290))]
)
def test_resonances_lie_where_the_vocal_tract_puts_them(tract, phoneme, formants):
    # At 50 Hz the harmonics lie close enough to show the shape of the spectrum between them.
    sound = held(voices.Speaker(50, tract, 0.0), phoneme)
    frequencies, powers = periodogram(sound, voices.RATE)
    harmonics = np.arange(50, 3500, 50)
    levels = powers[np.searchsorted(frequencies, harmonics)]
    peaks = harmonics[find_peaks(levels)[0]]
    for formant in formants:
        assert np.abs(peaks - formant / tract).min() <= 50


def test_tilt_lets_higher_harmonics_fall_as_a_filter_of_one_pole_does():
    tilts, pitch, harmonic = (0.2, 0.8), 125, 8
    fall, expected = [], []
    for tilt in tilts:
        levels = periodogram(held(voices.Speaker(pitch, 1, tilt), "a"), voices.RATE)[1]
        fall.append(levels[harmonic * pitch] / levels[pitch])
        turn = np.exp(-2j * np.pi * pitch * np.array([1, harmonic]) / voices.RATE)
        first, other = np.abs(1 / (1 - tilt * turn)) ** 2
        expected.append(other / first)
    assert fall[1] / fall[0] == pytest.approx(expected[1] / expected[0], rel=0.05)


@pytest.mark.parametrize("phoneme, place", [("s", 3400), ("ʃ", 2300)])
def test_hisses_have_no_pitch_and_their_own_place(phoneme, place):
    sound = held(voices.Speaker(120, 1, 0.5), phoneme)
    assert power(sound, place - 500, place + 500) > 0.5 * power(sound, 0, 4000)
    assert power(sound, 0, 1000) < 0.1 * power(sound, 0, 4000)


def test_phonemes_last_as_long_as_asked_and_are_told_for_each_sample():
    sound, spoken = voices.say(LOW, ["m", "a", "s"], [0.1, 0.2, 0.05], rng())
    counts = [800, 1600, 400]
    expected = np.repeat([voices.PHONEMES.index(p) for p in "mas"], counts)
    np.testing.assert_array_equal(spoken, expected)
    assert sound.shape == spoken.shape
    assert np.mean(sound**2) == pytest.approx(1)


def test_same_seed_same_sound():
    one, other, third = (voices.say(HIGH, "misa", [0.1] * 4, rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third)


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 1000])
def test_any_length_will_do(samples):
    sound, spoken = voices.say(LOW, ["a"], [samples / voices.RATE], rng())
    assert sound.shape == spoken.shape == (samples,)
    assert np.isfinite(sound).all()


@pytest.mark.parametrize(
    "change, named",
    [
        ({"pitch": 20}, "pitch is 20"),
        ({"tract": 3}, "tract is 3"),
        ({"tilt": 1}, "tilt is 1"),
        ({"tilt": np.nan}, "tilt is nan"),
    ],
)
def test_a_speaker_out_of_range_is_refused(change, named):
    with pytest.raises(ValueError, match=named):
        voices.Speaker(**({"pitch": 100, "tract": 1, "tilt": 0.5} | change))


@pytest.mark.parametrize(
    "phonemes, seconds, tune, named",
    [
        (["x", "a"], [0.1, 0.1], [1.0], r"phonemes hold \['x'\]; pass"),
        ([], [], [1.0], "phonemes hold"),
        (["a"], [0.1, 0.1], [1.0], "seconds must have shape"),
        (["a"], [0.0], [1.0], "seconds and tune must be positive"),
        (["a"], [0.1], [-1.0], "seconds and tune must be positive"),
        (["a"], [1e-5], [1.0], "seconds last 1e-05 together; a sample takes 0.000125"),
        (["a", "m"], [1e-5, 2e-5], [1.0], "seconds last 3e-05 together"),
    ],
)
def test_words_that_cannot_be_said_are_refused(phonemes, seconds, tune, named):
    with pytest.raises(ValueError, match=named):
        voices.say(LOW, phonemes, seconds, rng(), tune=tune)
