"""What the laziest, the linear and the perfect reconstruction score, in the loss's own unit."""

from aelib._startup import keras
import numpy as np
from sklearn.decomposition import PCA


def score(loss: str, images: np.ndarray, restored: np.ndarray) -> float:
    """Average a Keras loss over all pixels of all images.

    Parameters
    ----------
    loss : name of a Keras loss, as given to `compile`: "mse", "binary_crossentropy", …
    images, restored : (n, …) arrays of the same shape, values in [0, 1]

    Returns
    -------
    The loss per pixel: squared grey levels for "mse", nats for "binary_crossentropy".
    """
    per_example = keras.losses.get(loss)(images, restored)
    return float(np.mean(keras.ops.convert_to_numpy(per_example), dtype=np.float64))


def reconstruction(
    loss: str, model: keras.Model, inputs: np.ndarray, images: np.ndarray | None = None
) -> float:
    """Score what a model makes of its inputs: the number that the yardsticks stand beside.

    Parameters
    ----------
    loss : name of a Keras loss
    model : maps inputs to reconstructions
    inputs : (n, …) array, what the model sees
    images : (n, …) array, what it should answer; leave out where it should answer its inputs

    Returns
    -------
    The loss per pixel, as `score` gives it.
    """
    # Called, not `predict`: that would trace every new model first, which takes longer.
    parts = [model(inputs[i : i + 10_000]) for i in range(0, len(inputs), 10_000)]
    restored = keras.ops.convert_to_numpy(keras.ops.concatenate(parts))
    return score(loss, inputs if images is None else images, restored)


def mean_image(loss: str, train: np.ndarray, test: np.ndarray) -> float:
    """Score the answer that never looks at its input: the training set's average image."""
    average = train.mean(axis=0, dtype=np.float64).astype(test.dtype)
    return score(loss, test, np.broadcast_to(average, test.shape))


def pca(loss: str, train: np.ndarray, test: np.ndarray, codes: int) -> float:
    """Score the best linear autoencoder with as many codes: PCA, clipped to [0, 1].

    Parameters
    ----------
    loss : name of a Keras loss
    train, test : (n, pixels) arrays, values in [0, 1]
    codes : number of principal components
    """
    components = PCA(codes, random_state=0).fit(train)
    restored = components.inverse_transform(components.transform(test))
    return score(loss, test, np.clip(restored, 0, 1).astype(test.dtype))


def entropy_floor(test: np.ndarray) -> float:
    """Give the binary cross-entropy of a perfect copy, in nats per pixel.

    It is zero for black and white pixels only: a grey pixel x costs its own entropy
    -x log x - (1 - x) log(1 - x), whatever the model.
    """
    return score("binary_crossentropy", test, test)


def table(loss: str, train: np.ndarray, test: np.ndarray, codes: int) -> dict[str, float]:
    """Collect the yardsticks of a loss by name, worst first, ready for `plots.loss_curves`."""
    marks = {
        "mean image": mean_image(loss, train, test),
        f"PCA, {codes} codes": pca(loss, train, test, codes),
    }
    if loss == "binary_crossentropy":
        marks["entropy floor"] = entropy_floor(test)
    return marks
