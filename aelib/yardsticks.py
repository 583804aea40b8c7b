"""What the laziest, the linear and the perfect reconstruction score, in the loss's own unit."""

from collections.abc import Callable
from numbers import Integral

from aelib import _checks
from aelib._startup import keras
from aelib.models import summed_cross_entropy
import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils import check_scalar

Loss = str | keras.losses.Loss | Callable
# What a loss asks of images and answers; those that are not named take any numbers.
OF_GREY_LEVELS = (
    keras.losses.binary_crossentropy,
    keras.losses.binary_focal_crossentropy,
    keras.losses.kl_divergence,  # it would cut off what lies outside
    summed_cross_entropy,
)
OF_COUNTS = (keras.losses.poisson,)


def score(loss: Loss, images: np.ndarray, restored: np.ndarray) -> float:
    """Average a Keras loss over all pixels of all images.

    Parameters
    ----------
    loss : a Keras loss, as given to `compile`: "mse", "binary_crossentropy", an object, …
    images, restored : (n, …) arrays of the same shape; values in [0, 1] for binary cross-entropies
        and "kl_divergence", at least 0 for "poisson"

    Returns
    -------
    The loss per pixel: squared grey levels for "mse", nats for "binary_crossentropy".

    Raises
    ------
    ValueError
        If the arrays differ in shape, are empty, hold NaN or lie outside the range of the loss; if
        `loss` is none, takes logits or gives no finite number.
    """
    images = _values(images, "images", loss)
    return _mean(loss, images, _values(restored, "restored", loss, images.shape, "images"))


def reconstruction(
    loss: Loss, model: keras.Model, inputs: np.ndarray, images: np.ndarray | None = None
) -> float:
    """Score what a model makes of its inputs: the number that the yardsticks stand beside.

    Parameters
    ----------
    loss : a Keras loss
    model : maps inputs to reconstructions
    inputs : (n, …) array, what the model sees
    images : (n, …) array, what it should answer; leave out where it should answer its inputs

    Returns
    -------
    The loss per pixel, as `score` gives it.

    Raises
    ------
    TypeError
        If all the models of a builder are passed in place of one of them.
    ValueError
        As `score` does; if `inputs` are empty or hold NaN.
    """
    _checks.one_model(model, "model", "model")
    inputs = _checks.numbers(inputs, "inputs")
    # Called, not `predict`: that would trace every new model first, which takes longer.
    parts = [model(inputs[i : i + 10_000]) for i in range(0, len(inputs), 10_000)]
    restored = keras.ops.convert_to_numpy(keras.ops.concatenate(parts))
    restored = _values(restored, "the model's answers", loss)
    wanted, name = (inputs, "inputs") if images is None else (images, "images")
    wanted = _values(wanted, name, loss, restored.shape, "the model's answers")
    return _mean(loss, wanted, restored)


def mean_image(loss: Loss, train: np.ndarray, test: np.ndarray) -> float:
    """Score the answer that never looks at its input: the training set's average image.

    Parameters
    ----------
    loss : a Keras loss
    train, test : (n, …) arrays of images of one shape; values in the range that `score` asks for

    Raises
    ------
    ValueError
        As `score` does.
    """
    train = _values(train, "train", loss)
    test = _values(test, "test", loss, ("n", *train.shape[1:]), "train")
    average = train.mean(axis=0, dtype=np.float64).astype(test.dtype)
    return _mean(loss, test, np.broadcast_to(average, test.shape))


def pca(loss: Loss, train: np.ndarray, test: np.ndarray, codes: int) -> float:
    """Score the best linear autoencoder with as many codes: PCA, clipped to [0, 1].

    Parameters
    ----------
    loss : a Keras loss
    train, test : (n, pixels) arrays, values in [0, 1]
    codes : number of principal components, from 1 to the smaller of the lengths of `train`

    Raises
    ------
    TypeError
        If `codes` is no integer.
    ValueError
        If `codes` is too small or too large; if the arrays have other shapes or ranges or hold NaN.
    """
    train = _checks.grey_levels(train, "train", ("n", "pixels"))
    test = _floats(_checks.grey_levels(test, "test", ("n", train.shape[1]), like="train"))
    check_scalar(codes, "codes", Integral, min_val=1, max_val=min(train.shape))
    components = PCA(codes, random_state=0).fit(train)
    restored = components.inverse_transform(components.transform(test))
    return _mean(loss, test, np.clip(restored, 0, 1).astype(test.dtype))


def entropy_floor(test: np.ndarray) -> float:
    """Give the binary cross-entropy of a perfect copy, in nats per pixel.

    It is zero for black and white pixels only: a grey pixel x costs its own entropy
    -x log x - (1 - x) log(1 - x), whatever the model.

    Parameters
    ----------
    test : (n, …) array, values in [0, 1]

    Raises
    ------
    ValueError
        If `test` is empty, holds NaN or values outside [0, 1].
    """
    test = _values(test, "test", "binary_crossentropy")
    return _mean("binary_crossentropy", test, test)


def table(loss: Loss, train: np.ndarray, test: np.ndarray, codes: int) -> dict[str, float]:
    """Collect the yardsticks of a loss by name, worst first, ready for `plots.loss_curves`.

    Arguments and errors are those of `pca`.
    """
    marks = {
        "mean image": mean_image(loss, train, test),
        f"PCA, {codes} codes": pca(loss, train, test, codes),
    }
    if _kind(loss) is keras.losses.binary_crossentropy:
        marks["entropy floor"] = entropy_floor(test)
    return marks


def _function(loss: Loss) -> Callable:
    """Look a loss up by any of its names; give the function that yields it example by example."""
    found = keras.losses.get(loss)
    if found is None:
        raise ValueError('loss is None; pass a Keras loss, such as "mse"')
    if getattr(found, "from_logits", False):
        raise ValueError("loss takes logits, and images are none; pass one with from_logits=False")
    return found.call if isinstance(found, keras.losses.Loss) else found


def _kind(loss: Loss) -> Loss:
    """Give the one function behind all names of a loss of Keras."""
    found = keras.losses.get(loss)
    return getattr(found, "fn", found)


def _mean(loss: Loss, images: np.ndarray, restored: np.ndarray) -> float:
    """Average a loss over checked arrays."""
    per_example = _function(loss)(images, restored)
    mean = float(np.mean(keras.ops.convert_to_numpy(per_example), dtype=np.float64))
    if not np.isfinite(mean):
        raise ValueError(f"loss gives {mean} here; pass one that is made for values in this range")
    return mean


def _values(
    values: np.ndarray,
    name: str,
    loss: Loss,
    shape: tuple[str | int, ...] | None = None,
    like: str = "",
) -> np.ndarray:
    """Check an array for a loss and make it one of floats."""
    kind = _kind(loss)
    check = _checks.grey_levels if kind in OF_GREY_LEVELS else _checks.numbers
    values = _floats(check(values, name, shape, like=like))
    if kind in OF_COUNTS and values.min() < 0:
        raise ValueError(f"{name} must be at least 0 for this loss; they begin at {values.min():g}")
    return values


def _floats(values: np.ndarray) -> np.ndarray:
    """Make integers floats: Keras would compute with them in their own few bits."""
    return values if values.dtype.kind == "f" else values.astype(np.float32)
