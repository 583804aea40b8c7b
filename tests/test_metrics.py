"""What is measured in a code, against brute force and cases made by hand."""

from aelib import metrics
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold


@pytest.fixture
def clouds() -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of 30 codes each that overlap a little."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 4, 7], 30)
    return rng.normal(size=(90, 2)) + labels[:, None] / 2, labels


def vote(codes: np.ndarray, labels: np.ndarray, known: np.ndarray, code: np.ndarray) -> int:
    """Let the 15 nearest of the known codes vote; on a tie the smallest label wins."""
    distances = np.sqrt(((codes[known] - code) ** 2).sum(axis=1))
    nearest = known[np.argsort(distances)[:15]]
    return int(np.bincount(labels[nearest]).argmax())


def test_nearest_neighbours_equal_brute_force(clouds):
    codes, labels = clouds
    expected = np.empty_like(labels)
    for known, asked in StratifiedKFold(5).split(codes, labels):
        expected[asked] = [vote(codes, labels, known, code) for code in codes[asked]]
    predictions = metrics.knn_predictions(codes, labels)
    np.testing.assert_array_equal(predictions, expected)
    assert metrics.knn_accuracy(codes, labels) == np.mean(expected == labels)
    assert 0.6 < metrics.knn_accuracy(codes, labels) < 1


def test_clouds_far_apart_are_told_apart(clouds):
    codes, labels = clouds
    assert metrics.knn_accuracy(codes + 100 * labels[:, None], labels) == 1


def test_codes_without_meaning_are_at_chance():
    rng = np.random.default_rng(1)
    labels = np.arange(1000) % 10
    assert metrics.knn_accuracy(rng.normal(size=(1000, 2)), labels) == pytest.approx(0.1, abs=0.04)


def test_confused_pairs_count_both_ways():
    # 3 → 5 twice and 5 → 3 twice, 4 → 9 three times, 3 → 9 once.
    labels = np.array([3, 3, 5, 5, 4, 4, 4, 3, 3, 4, 5, 9])
    predictions = np.array([5, 5, 3, 3, 9, 9, 9, 9, 3, 4, 5, 9])
    pairs = metrics.confused_pairs(labels, predictions)
    assert pairs == [(3, 5), (4, 9), (3, 9), (3, 4), (4, 5), (5, 9)]
    assert all(type(label) is int for pair in pairs for label in pair)


def test_ten_classes_have_45_pairs():
    digits = np.arange(10)
    assert len(set(metrics.confused_pairs(digits, digits[::-1]))) == 45


def test_confused_pairs_know_a_class_that_is_only_predicted():
    pairs = metrics.confused_pairs(np.array([1, 5, 5]), np.array([1, 3, 5]))
    assert pairs == [(3, 5), (1, 3), (1, 5)]


def test_centroid_distances_of_a_triangle():
    codes = np.array([[3, 0], [0, 3], [0, 5], [-1, 0], [1, 0], [3, 0]], dtype=float)
    labels = np.array([8, 2, 2, 0, 0, 8])
    expected = [[0, 4, 3], [4, 0, 5], [3, 5, 0]]
    np.testing.assert_allclose(metrics.centroid_distances(codes, labels), expected, atol=1e-12)


def test_centroid_distances_ignore_where_the_clouds_lie(clouds):
    codes, labels = clouds
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    distances = metrics.centroid_distances(codes, labels)
    moved = metrics.centroid_distances(codes @ turn + 5, labels)
    np.testing.assert_allclose(moved, distances, atol=1e-9)
    np.testing.assert_allclose(distances, distances.T, atol=1e-12)
    assert (np.diag(distances) == 0).all()


def test_ranks_of_classes_on_a_line():
    # Mean codes at 0, 1, 3 and 10: the nearest of 10 is 3, of 3 is 1, of 1 is 0.
    codes = np.array([[0.0], [1.0], [3.0], [10.0]])
    labels = np.array([2, 4, 6, 8])
    assert metrics.neighbour_rank(codes, labels, (6, 8)) == 1
    assert metrics.neighbour_rank(codes, labels, (2, 6)) == 2
    assert metrics.neighbour_rank(codes, labels, (2, 8)) == 3
    assert metrics.distance_rank(codes, labels, (2, 8)) == 1
    assert metrics.distance_rank(codes, labels, (8, 4)) == 2
    assert metrics.distance_rank(codes, labels, (2, 4)) == 6


def test_a_turned_and_stretched_copy_agrees_in_layout_wholly():
    images = np.random.default_rng(0).random((40, 2))
    labels = np.arange(40) % 5
    turned = 3 * images @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert metrics.layout_agreement(images, turned, labels) == pytest.approx(1)


def test_a_map_that_reverses_all_distances_disagrees_wholly():
    images = np.array([[0.0], [1.0], [3.0]])  # distances 1, 3 and 2
    codes = np.array([[0.0, 0.0], [4.0, 0.0], [1.0, 2.0]])  # distances 4, 2.2 and 3.6
    assert metrics.layout_agreement(images, codes, np.arange(3)) == pytest.approx(-1)


def test_principal_angles_of_two_tilted_planes():
    # Both planes hold the first axis; the second leans 30 degrees out of the first.
    one = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    tilt = np.deg2rad(30)
    other = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(tilt), np.sin(tilt)]])
    np.testing.assert_allclose(metrics.principal_angles(one, other), [30, 0], atol=1e-6)


def test_principal_angles_know_spaces_not_axes():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(6, 784)).astype("float32")
    mixed = rng.normal(size=(6, 6)) @ rows.astype(float)
    assert metrics.principal_angles(rows, mixed).max() < 1e-4
    assert metrics.principal_angles(rows, mixed[:2]).shape == (2,)
    assert metrics.principal_angles(rows, mixed[:2]).max() < 1e-4


def test_principal_angles_of_spaces_at_right_angles():
    axes = np.eye(5)
    np.testing.assert_allclose(metrics.principal_angles(axes[:2], axes[2:]), [90, 90])


def test_largest_principal_angle_equals_brute_force():
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(2, 2, 4))
    angles = np.linspace(0, np.pi, 2001)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ np.linalg.qr(one.T)[0].T
    within = circle @ np.linalg.qr(other.T)[0]
    farthest = np.rad2deg(np.arccos(np.linalg.norm(within, axis=1).min()))
    assert metrics.principal_angles(one, other)[0] == pytest.approx(farthest, abs=0.01)


MEASURES = {
    "knn_predictions": metrics.knn_predictions,
    "knn_accuracy": metrics.knn_accuracy,
    "centroid_distances": metrics.centroid_distances,
    "layout_agreement": lambda codes, labels: metrics.layout_agreement(codes**2, codes, labels),
    "neighbour_rank": lambda codes, labels: metrics.neighbour_rank(codes, labels, (0, 7)),
    "distance_rank": lambda codes, labels: metrics.distance_rank(codes, labels, (0, 7)),
}


@pytest.mark.parametrize("name", MEASURES)
def test_codes_and_labels_go_by_position(name, clouds):
    codes, labels = clouds
    expected = MEASURES[name](codes, labels)
    shuffled = np.random.default_rng(1).permutation(len(codes))
    for series in (pd.Series(labels), pd.Series(labels, index=shuffled)):
        found = MEASURES[name](pd.DataFrame(codes, index=shuffled), series)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(MEASURES[name](codes, series), expected)


BAD_CODES = {
    "labels must be integers .* \\(90,\\) as codes ask.* shape \\(90, 3\\)": lambda c, k: (
        c,
        (k[:, None] == [0, 4, 7]).astype(int),
    ),
    "labels must be integers .* shape \\(90, 1\\)": lambda c, k: (c, k[:, None]),
    "labels must be integers .* shape \\(89,\\)": lambda c, k: (c, k[:-1]),
    "labels must be integers .* not float64": lambda c, k: (c, k + 0.5),
    "labels must be integers .* not <U": lambda c, k: (c, k.astype(str)),
    "codes must have shape \\(n, M\\)": lambda c, k: (c[:, 0], k),
    "codes must hold at least one": lambda c, k: (c[:0], k[:0]),
    "codes must hold real numbers": lambda c, k: (c * 1j, k),
    "codes contains NaN": lambda c, k: (np.where(c > 2, np.nan, c), k),
}


@pytest.mark.parametrize("name", sorted(MEASURES.keys() - {"layout_agreement"}))
@pytest.mark.parametrize("message", BAD_CODES)
def test_codes_and_labels_that_cannot_be_measured_are_named(name, message, clouds):
    with pytest.raises(ValueError, match=message):
        MEASURES[name](*BAD_CODES[message](*clouds))


@pytest.mark.parametrize("measure", [metrics.knn_predictions, metrics.knn_accuracy])
def test_fewer_examples_than_neighbours_are_named(measure, clouds):
    codes, labels = (values[5:24] for values in clouds)
    labels = labels % 2  # five of each class at least, one for each fold
    measure(codes, labels)
    with pytest.raises(ValueError, match="codes hold 18 examples; pass at least 19"):
        measure(codes[:18], labels[:18])


@pytest.mark.parametrize("rank", [metrics.neighbour_rank, metrics.distance_rank])
@pytest.mark.parametrize("pair", [(0, 9), (3, 4), (4, 4), (0, 4, 7), (0.0, 4.0), 4, None])
def test_a_pair_that_is_not_among_the_labels_is_named(rank, pair, clouds):
    with pytest.raises(ValueError, match="pair"):
        rank(*clouds, pair)


def test_predictions_are_as_many_as_labels():
    with pytest.raises(ValueError, match=r"predictions must be .* \(3,\) as labels ask"):
        metrics.confused_pairs([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="labels must be integers"):
        metrics.confused_pairs([[1], [2], [3]], [1, 2, 3])


@pytest.mark.parametrize("value", [0.0, 0.1, -1.0])
def test_collapsed_codes_have_no_layout(clouds, value):
    codes, labels = clouds
    rng = np.random.default_rng(0)
    for rounding in (0, 1e-7):  # none, and the last bit of a float32
        collapsed = value * (1 + rounding * rng.normal(size=(90, 2)))
        with pytest.raises(ValueError, match="codes put all classes equally far apart"):
            metrics.layout_agreement(codes, collapsed.astype(np.float32), labels)
        with pytest.raises(ValueError, match="images put all classes equally far apart"):
            metrics.layout_agreement(collapsed.astype(np.float32), codes, labels)


def test_layout_needs_three_classes_and_as_many_images_as_codes(clouds):
    codes, labels = clouds
    with pytest.raises(ValueError, match="labels hold 2 classes"):
        metrics.layout_agreement(codes, codes, labels // 4)
    with pytest.raises(ValueError, match=r"labels must be .* \(80,\) as images ask"):
        metrics.layout_agreement(codes[:80], codes, labels)
    with pytest.raises(ValueError, match=r"images must have shape \(n, D\)"):
        metrics.layout_agreement(codes[:, 0], codes, labels)


BAD_SPANS = {
    "one has 2 rows of rank 1": (np.ones((2, 5)), np.eye(5)),
    "other has 6 rows of rank 5": (np.eye(5), np.ones((6, 5)) + np.eye(6, 5)),
    "other must have shape \\(n, 5\\) as one": (np.eye(5), np.eye(4)),
    "one must have shape \\(m, D\\)": (np.ones(5), np.eye(5)),
    "one contains NaN": (np.full((1, 5), np.nan), np.eye(5)),
    "other must hold at least one": (np.eye(5), np.eye(5)[:0]),
}


@pytest.mark.parametrize("message", BAD_SPANS)
def test_rows_that_span_no_space_of_their_number_are_named(message):
    with pytest.raises(ValueError, match=message):
        metrics.principal_angles(*BAD_SPANS[message])


def cloud(mean: np.ndarray, root: np.ndarray, seed: int = 0) -> np.ndarray:
    """Make 50 points whose mean and covariance, root·rootᵀ, are exactly those asked for."""
    points = np.random.default_rng(seed).normal(size=(50, len(mean)))
    points -= points.mean(axis=0)
    points = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points, rowvar=False))).T
    return mean + points @ np.transpose(root)


def test_frechet_distance_of_clouds_along_the_axes():
    """Where covariances share their axes, it is the distance of means and of deviations."""
    one = cloud(np.array([1.0, 2.0, 3.0]), np.diag([1.0, 2.0, 3.0]))
    other = cloud(np.array([1.0, 0.0, 3.5]), np.diag([2.0, 2.0, 0.5]), seed=1)
    expected = (2.0**2 + 0.5**2) + (1.0**2 + 2.5**2)
    assert metrics.frechet_distance(one, other) == pytest.approx(expected)
    assert metrics.frechet_distance(other, one) == pytest.approx(expected)


def test_frechet_distance_of_tilted_clouds():
    """In the plane tr (C₁ C₂)^½ = √(tr(C₁ C₂) + 2 √det(C₁ C₂)), after Cayley and Hamilton."""
    roots = np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([[0.5, 0.0], [-1.0, 3.0]])
    first, second = (root @ root.T for root in roots)
    product = first @ second
    shared = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = 5**2 + np.trace(first) + np.trace(second) - 2 * shared
    one, other = cloud(np.zeros(2), roots[0]), cloud(np.array([3.0, 4.0]), roots[1], seed=1)
    assert metrics.frechet_distance(one, other) == pytest.approx(expected)


def test_frechet_distance_of_one_feature():
    one, other = np.array([[1.0], [3.0]]), np.array([[0.0], [0.0], [6.0]])
    deviations = np.sqrt(2), np.sqrt(12)
    expected = 0 + (deviations[0] - deviations[1]) ** 2
    assert metrics.frechet_distance(one, other) == pytest.approx(expected)


def test_frechet_distance_ignores_order_and_turns():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 30, 4)).astype("float32") * [1, 2, 3, 4]
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    expected = metrics.frechet_distance(one, other)
    assert metrics.frechet_distance(one[::-1] @ turn, other @ turn) == pytest.approx(expected)
    assert metrics.frechet_distance(one, one[::-1]) == pytest.approx(0, abs=1e-6)
    assert expected > 0.1


def test_frechet_distance_bears_features_that_never_vary():
    one = np.random.default_rng(0).normal(size=(20, 5)) * [1, 1, 0, 0, 0]
    assert metrics.frechet_distance(one, one + 2 * np.eye(5)[2]) == pytest.approx(4)
    few = one[:3]  # fewer than features
    assert metrics.frechet_distance(few, few) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (np.eye(3), np.eye(4), r"other must have shape \(n, 3\) as one"),
        (np.ones(3), np.eye(3), r"one must have shape \(m, D\)"),
        (np.eye(3)[:1], np.eye(3), "one has 1 row; a spread takes at least two"),
        (np.eye(3), np.eye(3)[:1], "other has 1 row"),
        (np.full((2, 3), np.nan), np.eye(3), "one contains NaN"),
    ],
)
def test_clouds_without_a_spread_are_named(one, other, message):
    with pytest.raises(ValueError, match=message):
        metrics.frechet_distance(one, other)
