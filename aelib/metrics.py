"""What the notebooks measure in a code."""

from aelib import _checks
import numpy as np
from scipy.linalg import subspace_angles
from scipy.stats import spearmanr
from sklearn.metrics import confusion_matrix
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

NEIGHBOURS = 15
FOLDS = 5
LEAST = -(-NEIGHBOURS * FOLDS // (FOLDS - 1))  # examples, so that all folds but one hold 15


def knn_predictions(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Guess each label from the 15 nearest codes, five-fold: no code votes on its own fold.

    Parameters
    ----------
    codes : (n, M) array
    labels : (n,) integers

    Returns
    -------
    (n,) predicted labels.

    Raises
    ------
    ValueError
        If an argument has another shape or kind, or `codes` hold NaN or fewer than 19 examples.
    """
    codes, labels = _codes_and_labels(codes, labels)
    if len(codes) < LEAST:
        raise ValueError(
            f"codes hold {len(codes)} examples; pass at least {LEAST}, so that each has "
            f"{NEIGHBOURS} neighbours in the other folds"
        )
    return cross_val_predict(KNeighborsClassifier(NEIGHBOURS), codes, labels, cv=FOLDS)


def knn_accuracy(codes: np.ndarray, labels: np.ndarray) -> float:
    """Give the share of labels, from 0 to 1, that the 15 nearest codes guess right.

    Arguments and errors are those of `knn_predictions`.
    """
    return float(np.mean(knn_predictions(codes, labels) == np.asarray(labels)))


def confused_pairs(labels: np.ndarray, predictions: np.ndarray) -> list[tuple[int, int]]:
    """List all pairs of classes, the most confused first.

    A pair's confusion is the number of its members taken for the other one, both ways.

    Parameters
    ----------
    labels, predictions : (n,) integers

    Raises
    ------
    ValueError
        If these are not two rows of as many integers.
    """
    labels = _checks.integers(labels, "labels")
    predictions = _checks.integers(predictions, "predictions", len(labels), like="labels")
    matrix = confusion_matrix(labels, predictions)
    both_ways = matrix + matrix.T
    classes = np.union1d(labels, predictions)
    first, second = np.triu_indices(len(classes), k=1)
    order = np.argsort(-both_ways[first, second], kind="stable")
    return [(int(classes[first[i]]), int(classes[second[i]])) for i in order]


def centroid_distances(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Measure how far the classes' mean codes lie from each other.

    Parameters
    ----------
    codes : (n, M) array
    labels : (n,) integers

    Returns
    -------
    (classes, classes) Euclidean distances in units of the code, classes in ascending order.

    Raises
    ------
    ValueError
        If an argument has another shape or kind, or `codes` hold NaN.
    """
    codes, labels = _codes_and_labels(codes, labels)
    centroids = [codes[labels == label].mean(axis=0) for label in np.unique(labels)]
    return euclidean_distances(centroids)


def layout_agreement(images: np.ndarray, codes: np.ndarray, labels: np.ndarray) -> float:
    """Tell whether classes that look alike lie close together in the code.

    Parameters
    ----------
    images : (n, D) array
    codes : (n, M) array
    labels : (n,) integers, at least three classes

    Returns
    -------
    Spearman's rank correlation, from -1 to 1, over all pairs of classes, of the distance between
    their mean images with that between their mean codes.

    Raises
    ------
    ValueError
        If an argument has another shape or kind or holds NaN, if there are fewer than three
        classes, or if the classes of `images` or `codes` all lie equally far apart, as those of
        collapsed codes do: then they have no order.
    """
    images = _checks.numbers(images, "images", ("n", "D"))
    codes, labels = _codes_and_labels(codes, labels)
    _checks.integers(labels, "labels", len(images), like="images")
    classes = len(np.unique(labels))
    if classes < 3:
        raise ValueError(f"labels hold {classes} classes; pass at least three")
    pairs = np.triu_indices(classes, k=1)
    distances = []
    for name, values in (("images", images), ("codes", codes)):
        found = centroid_distances(values, labels)[pairs]
        # Equal but for rounding: ranks would be those of the rounding errors.
        if np.ptp(found) <= 1e-6 * np.abs(values).max():
            raise ValueError(
                f"{name} put all classes equally far apart, so there is no layout to compare; "
                "codes that collapsed do so: train the encoder anew"
            )
        distances.append(found)
    return float(spearmanr(*distances).statistic)


def neighbour_rank(codes: np.ndarray, labels: np.ndarray, pair: tuple[int, int]) -> int:
    """Tell how near two classes lie: 1 if one's mean code is the nearest to the other's, 2, …

    Parameters
    ----------
    codes : (n, M) array
    labels : (n,) integers
    pair : two classes among the labels; the better of the two ways to ask counts

    Raises
    ------
    ValueError
        If an argument has another shape or kind, `codes` hold NaN, or `pair` is not among the
        labels.
    """
    distances = centroid_distances(codes, labels)
    ranks = distances.argsort(axis=1).argsort(axis=1)
    one, other = _places(labels, pair)
    return int(min(ranks[one, other], ranks[other, one]))


def distance_rank(codes: np.ndarray, labels: np.ndarray, pair: tuple[int, int]) -> int:
    """Tell how far two classes lie apart: 1 if no pair's mean codes are farther apart, 2, …

    Arguments and errors are those of `neighbour_rank`.
    """
    distances = centroid_distances(codes, labels)
    one, other = _places(labels, pair)
    return 1 + int(np.sum(np.triu(distances) > distances[one, other]))


def principal_angles(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Measure the angles between two flat spaces through the origin.

    Parameters
    ----------
    one, other : (m, D) and (n, D) arrays whose rows span the spaces, each of full rank, such as
        the kernel of a linear decoder and the `components_` of scikit-learn's PCA

    Returns
    -------
    (min(m, n),) angles in degrees from 0 to 90, the largest first; all are 0 if and only if the
    smaller space lies in the larger one.

    Raises
    ------
    ValueError
        If an argument has another shape, holds NaN or has rows that depend on each other.

    Source: Björck & Golub 1973, doi 10.1090/S0025-5718-1973-0348991-3.
    """
    one = _checks.numbers(one, "one", ("m", "D")).astype(np.float64)
    other = _checks.numbers(other, "other", ("n", one.shape[1]), like="one").astype(np.float64)
    for name, rows in (("one", one), ("other", other)):
        rank = np.linalg.matrix_rank(rows)
        if rank < len(rows):
            raise ValueError(
                f"{name} has {len(rows)} rows of rank {rank}; pass rows that do not depend on "
                "each other"
            )
    return np.rad2deg(subspace_angles(one.T, other.T))


def frechet_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Measure how far two clouds are apart, each taken for the Gaussian with its mean and spread.

        d² = ‖μ₁ - μ₂‖² + tr(C₁ + C₂ - 2 (C₁ C₂)^½)

    With features of images from a classifier, the lower the more alike are two sets of images, in
    quality and in diversity at once. Between two draws of one population it is above 0, and falls
    with their size: compare sets of equal size, and draw two of the true images for a yardstick.

    Parameters
    ----------
    one, other : (m, D) and (n, D) arrays, such as features of images, at least two rows each

    Returns
    -------
    d², at least 0, in squared units of the features.

    Raises
    ------
    ValueError
        If an argument has another shape or fewer than two rows, or holds NaN.

    Source: Dowson & Landau 1982, doi 10.1016/0047-259X(82)90077-X; with the features of an
    Inception net it is the FID of Heusel et al. 2017, arXiv:1706.08500.
    """
    one = _checks.numbers(one, "one", ("m", "D")).astype(np.float64)
    other = _checks.numbers(other, "other", ("n", one.shape[1]), like="one").astype(np.float64)
    for name, rows in (("one", one), ("other", other)):
        if len(rows) < 2:
            raise ValueError(f"{name} has {len(rows)} row; a spread takes at least two")
    first, second = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (one, other))
    # The trace of (C₁ C₂)^½ is that of (R C₂ R)^½ with R = C₁^½, whose eigenvalues are real.
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    apart = np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2)
    return max(0.0, float(apart + np.trace(first) + np.trace(second) - 2 * shared))


def _codes_and_labels(codes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check (n, M) codes and their (n,) integer labels."""
    codes = _checks.numbers(codes, "codes", ("n", "M"))
    return codes, _checks.integers(labels, "labels", len(codes), like="codes")


def _places(labels: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    """Find where two different classes stand among the labels' classes in ascending order."""
    classes = np.unique(labels)
    one, other = _checks.integers(pair, "pair", 2)
    if one == other or one not in classes or other not in classes:
        raise ValueError(f"pair is {(int(one), int(other))}; pass two of {classes.tolist()}")
    return np.searchsorted(classes, (one, other))
