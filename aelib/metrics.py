"""What the notebooks measure in a code."""

import numpy as np
from scipy.linalg import subspace_angles
from scipy.stats import spearmanr
from sklearn.metrics import confusion_matrix
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

NEIGHBOURS = 15
FOLDS = 5


def knn_predictions(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Guess each label from the 15 nearest codes, five-fold: no code votes on its own fold.

    Parameters
    ----------
    codes : (n, M) array
    labels : (n,) integers

    Returns
    -------
    (n,) predicted labels.
    """
    return cross_val_predict(KNeighborsClassifier(NEIGHBOURS), codes, labels, cv=FOLDS)


def knn_accuracy(codes: np.ndarray, labels: np.ndarray) -> float:
    """Give the share of labels, from 0 to 1, that the 15 nearest codes guess right."""
    return float(np.mean(knn_predictions(codes, labels) == labels))


def confused_pairs(labels: np.ndarray, predictions: np.ndarray) -> list[tuple[int, int]]:
    """List all pairs of classes, the most confused first.

    A pair's confusion is the number of its members taken for the other one, both ways.
    """
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
    """
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
    """
    pairs = np.triu_indices(len(np.unique(labels)), k=1)
    distances = (centroid_distances(values, labels)[pairs] for values in (images, codes))
    return float(spearmanr(*distances).statistic)


def neighbour_rank(codes: np.ndarray, labels: np.ndarray, pair: tuple[int, int]) -> int:
    """Tell how near two classes lie: 1 if one's mean code is the nearest to the other's, 2, …

    Parameters
    ----------
    codes : (n, M) array
    labels : (n,) integers
    pair : two classes; the better of the two ways to ask counts
    """
    distances = centroid_distances(codes, labels)
    ranks = distances.argsort(axis=1).argsort(axis=1)
    one, other = np.searchsorted(np.unique(labels), pair)
    return int(min(ranks[one, other], ranks[other, one]))


def distance_rank(codes: np.ndarray, labels: np.ndarray, pair: tuple[int, int]) -> int:
    """Tell how far two classes lie apart: 1 if no pair's mean codes are farther apart, 2, …"""
    distances = centroid_distances(codes, labels)
    one, other = np.searchsorted(np.unique(labels), pair)
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

    Source: Björck & Golub 1973, doi 10.1090/S0025-5718-1973-0348991-3.
    """
    spans = (np.asarray(rows, dtype=np.float64).T for rows in (one, other))
    return np.rad2deg(subspace_angles(*spans))
