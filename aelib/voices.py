"""Voices from a source and a filter: speakers who say sequences of vowels and consonants."""

from collections.abc import Sequence
from dataclasses import dataclass

from aelib import _checks
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

RATE = 8000  # samples a second
BLOCK = 64  # samples for which the filters stand still: 8 ms
GLIDE = 6  # blocks over which one sound passes into the next
RINGING = 256  # samples in which a block may ring out
BREATH = 0.02  # noise of the breath beside the pulses of the vocal folds
BANDWIDTHS = (80.0, 110.0, 150.0)
HISS_BANDWIDTH = 500.0

# Resonances of the throat and mouth in Hz, loudness of the voice, loudness of the hiss and where
# its resonance lies. A hiss without a voice keeps the resonances in which the mouth waits.
_SOUNDS = {
    "a": ((730, 1090, 2440), 1.0, 0.0, 2500),
    "e": ((530, 1840, 2480), 1.0, 0.0, 2500),
    "i": ((270, 2290, 3010), 1.0, 0.0, 2500),
    "o": ((570, 840, 2410), 1.0, 0.0, 2500),
    "u": ((300, 870, 2240), 1.0, 0.0, 2500),
    "m": ((250, 1000, 2200), 0.3, 0.0, 2500),
    "n": ((250, 1500, 2500), 0.3, 0.0, 2500),
    "l": ((350, 1050, 2800), 0.5, 0.0, 2500),
    "s": ((350, 1600, 2500), 0.0, 0.5, 3400),
    "ʃ": ((350, 1700, 2400), 0.0, 0.5, 2300),
    "z": ((350, 1600, 2500), 0.3, 0.3, 3400),
}
VOWELS = ("a", "e", "i", "o", "u")
CONSONANTS = ("m", "n", "l", "s", "ʃ", "z")
PHONEMES = VOWELS + CONSONANTS


@dataclass(frozen=True)
class Speaker:
    """Whose voice it is.

    Attributes
    ----------
    pitch : pulses of the vocal folds a second, in Hz, from 50 to 500
    tract : length of the vocal tract, 1 for the one whose resonances are tabled, from 0.5 to 2;
        all resonances lie at their tabled frequencies divided by it
    tilt : how dull the voice is, from 0, all harmonics alike, to below 1

    Raises
    ------
    ValueError
        If a number lies outside its range.
    """

    pitch: float
    tract: float
    tilt: float

    def __post_init__(self) -> None:
        _checks.number(self.pitch, "pitch", lambda v: 50 <= v <= 500, "Hz from 50 to 500")
        _checks.number(self.tract, "tract", lambda v: 0.5 <= v <= 2, "a length from 0.5 to 2")
        _checks.number(self.tilt, "tilt", lambda v: 0 <= v < 1, "a number from 0 to below 1")


def say(
    speaker: Speaker,
    phonemes: Sequence[str],
    seconds: Sequence[float],
    rng: np.random.Generator,
    *,
    tune: Sequence[float] = (1.0, 1.0),
) -> tuple[np.ndarray, np.ndarray]:
    """Let a speaker say a sequence of vowels and consonants.

    The source is a train of pulses with all harmonics below half the sampling rate, made dull by
    the speaker's tilt, and a little breath. Resonators in a row, one for each formant and each of
    gain 1 at 0 Hz, colour it. Hisses are noise through a resonator of their own.

    Parameters
    ----------
    speaker : who speaks
    phonemes : what is said, from `PHONEMES`
    seconds : how long each lasts, positive; together at least one sample
    rng : source of the noise; the same state gives the same sound
    tune : the pitch over the time, as factors of the speaker's own at equal distances

    Returns
    -------
    (n,) sound, `RATE` samples a second, of mean square 1; and for each sample the number of its
    phoneme in `PHONEMES`.

    Raises
    ------
    ValueError
        If a phoneme is not known, `seconds` are not as many positive numbers or too short for a
        sample, or a factor of `tune` is not positive.

    Source: Klatt 1980, "Software for a cascade/parallel formant synthesizer", doi
    10.1121/1.383940; the vowels' formants are men's of Peterson & Barney 1952, doi
    10.1121/1.1906875.
    """
    unknown = sorted(set(phonemes) - set(PHONEMES))
    if unknown or not len(phonemes):
        raise ValueError(f"phonemes hold {unknown}; pass at least one of {', '.join(PHONEMES)}")
    seconds = _checks.numbers(seconds, "seconds", (len(phonemes),), like="phonemes")
    tune = _checks.numbers(tune, "tune", ("n",))
    if min(seconds.min(), tune.min()) <= 0:
        raise ValueError("seconds and tune must be positive; leave out what lasts no time")

    ends = np.round(RATE * np.cumsum(seconds)).astype(int)
    if not ends[-1]:
        raise ValueError(f"seconds last {sum(seconds):g} together; a sample takes {1 / RATE:g}")
    spoken = np.repeat([PHONEMES.index(p) for p in phonemes], np.diff(ends, prepend=0))
    count = len(spoken)
    formants, voiced, hissed, place = _tracks(spoken)

    shape = np.interp(np.arange(count), np.linspace(0, count - 1, len(tune)), tune)
    pulses = _pulses(speaker.pitch * shape)
    source = lfilter([1 - speaker.tilt], [1, -speaker.tilt], pulses)
    source = source + BREATH * rng.standard_normal(count)
    voice = _resonate(voiced * source, formants / speaker.tract, BANDWIDTHS)
    hiss = _resonate(
        hissed * rng.standard_normal(count), place / speaker.tract, (HISS_BANDWIDTH,), peak=True
    )
    sound = voice + hiss
    return sound / np.sqrt(np.mean(sound**2)), spoken


def _tracks(spoken: np.ndarray) -> tuple[np.ndarray, ...]:
    """Let resonances, a value for each block, and loudness, one for each sample, glide."""
    blocks = np.minimum(BLOCK * np.arange(-(-len(spoken) // BLOCK) + 1), len(spoken) - 1)
    table = [_SOUNDS[name] for name in PHONEMES]
    formants = np.array([sound[0] for sound in table], float)[spoken[blocks]]
    place = np.array([sound[3:] for sound in table], float)[spoken[blocks]]
    loud = np.array([sound[1:3] for sound in table])[spoken]
    glide = {"axis": 0, "mode": "nearest"}
    loud = uniform_filter1d(loud, GLIDE * BLOCK // 2, **glide)
    return uniform_filter1d(formants, GLIDE, **glide), *loud.T, place


def _pulses(pitch: np.ndarray) -> np.ndarray:
    """Sum all harmonics of a gliding pitch below half the rate: Σ cos 2kφ, in closed form."""
    turns = np.cumsum(pitch) / RATE
    harmonics = np.floor(RATE / 2 / pitch)
    angle = np.pi * (turns % 1)
    angle = np.where(np.abs(np.sin(angle)) < 1e-6, 1e-6, angle)
    return (np.sin((2 * harmonics + 1) * angle) / np.sin(angle) - 1) / 2


def _resonate(
    sound: np.ndarray, places: np.ndarray, widths: Sequence[float], *, peak: bool = False
) -> np.ndarray:
    """Send a sound through resonators in a row that stand at other places in each block.

    Each is a pair of poles, at the angle of its place and at a radius given by its width. A block
    is cut out with a Hann window, filtered and added to the others: their windows overlap by half
    and add up to 1. `peak` asks for gain 1 at the resonance instead of at 0 Hz.
    """
    radius = np.exp(-np.pi * np.array(widths) / RATE)
    poles = (radius * np.exp(2j * np.pi * places / RATE))[:, None]
    at = np.exp(2j * np.pi * np.arange(RINGING // 2 + 1) / RINGING)[:, None]
    response = 1 / ((1 - poles / at) * (1 - poles.conj() / at))
    fixed = poles / radius if peak else 1
    response *= np.abs((1 - poles / fixed) * (1 - poles.conj() / fixed))

    padded = np.pad(sound, (BLOCK, 2 * BLOCK))
    window = np.hanning(2 * BLOCK + 1)[:-1]
    blocks = sliding_window_view(padded, 2 * BLOCK)[::BLOCK][: len(places)] * window
    spectra = np.fft.rfft(blocks, RINGING) * response.prod(axis=2)
    filtered = np.fft.irfft(spectra, RINGING)
    total = np.zeros((len(places) + RINGING // BLOCK, BLOCK))
    for n, part in enumerate(np.split(filtered, RINGING // BLOCK, axis=1)):
        total[n : n + len(places)] += part
    return total.ravel()[BLOCK : BLOCK + len(sound)]
