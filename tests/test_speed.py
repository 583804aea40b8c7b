"""The benchmark counts its work right, and its two trainings see the same batches."""

from aelib import training
import architectures
import keras
from keras import layers
import numpy as np
import pytest
import speed


def test_work_of_a_net_counted_by_hand():
    net = [keras.Input((3,)), layers.Dense(4, "relu"), layers.Dense(2), layers.Dense(5)]
    # Forward 24 + 16 + 20, the same for the kernels' gradients, all but the 24 for the inputs'.
    assert speed.flops_per_example(keras.Sequential(net)) == 60 + 60 + 36


def test_work_of_nested_models_starts_with_the_first_layer():
    model = speed.build(784, (10, 2))
    inner = 2 * (10 * 2 + 2 * 10 + 10 * 784)
    assert speed.flops_per_example(model) == 2 * (2 * 784 * 10) + 3 * inner


def test_both_trainings_start_alike_and_end_alike():
    images = np.random.default_rng(0).random((600, 12), dtype=np.float32)
    stock, ours = (speed.build(12, (4, 2)) for _ in range(2))
    for one, other in zip(stock.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    expected = speed.stock_loss(stock, images)
    keras.utils.set_random_seed(speed.SEED)
    epochs = speed.COMPARED_EPOCHS
    history = training.fit(ours, images, images, epochs=epochs, batch_size=speed.BATCH)
    assert history.history["loss"][-1] == pytest.approx(expected, abs=1e-6)


def test_products_alone_need_time_in_proportion_to_the_batches():
    model = speed.build(12, (4, 2))
    once, often = (speed.products_alone(model, batches) for batches in (1, 1000))
    assert 0 < once < often


def test_share_of_the_products_rate():
    # Forward 2·784·30 each way; the kernels' gradients as much; the inputs' all but the first's.
    work = 5 * 2 * 784 * 30 * 1000 / 1e9
    report = speed.share_of_products((30,), examples=1000, epoch=work / 10, alone=work / 40)
    assert report.startswith("30 trains at 10 GFLOP/s.")
    assert "at 40 GFLOP/s: training reaches 25% of that rate." in report


def test_a_net_is_timed_with_its_products(monkeypatch):
    monkeypatch.setattr(speed, "time_model", lambda sizes, images: (sizes, len(images)))
    seconds = iter((3.0, 2.0))
    monkeypatch.setattr(speed, "products_alone", lambda model, batches: next(seconds))
    row, alone = speed.time_with_products((2,), np.zeros((5, 784)))
    assert row == ((2,), 5)
    assert alone == 2.0


def test_spans_of_the_benchmarks_widen_and_never_narrow():
    spans = {"toy": {"lowest": 310, "highest": 450}, "notebook 03": {"lowest": 3, "highest": 5}}
    wider = speed.widen(spans, {"toy": 500.04, "notebook 03": 2.9})
    assert wider["toy"] == {"lowest": 310, "highest": 500.0}
    assert wider["notebook 03"] == {"lowest": 2.9, "highest": 5}
    assert speed.widen(wider, {"toy": 400, "notebook 03": 4}) == wider


def test_nets_of_other_architectures_are_those_of_the_texts():
    net = speed.build_other("convolutional")
    own = [layer.count_params() for layer in net.layers if layer.weights]
    assert own == [160, 1160, 584, 1168, 145]
    assert speed.build_other("of keras.io").count_params() == 28353


def test_every_architecture_restores_what_it_sees():
    images = np.random.default_rng(0).random((2, 28, 28), dtype=np.float32)
    for name, (_, view) in architectures.NETS.items():
        seen = view(images)
        assert speed.build_other(name)(seen).shape == seen.shape


def test_patches_are_cut_row_by_row():
    image = np.arange(28 * 28).reshape(1, 28, 28)
    cut = architectures.patches(image)
    np.testing.assert_array_equal(cut[0, 8].reshape(4, 4), image[0, 4:8, 4:8])


def test_an_architecture_ends_alike_in_both_trainings(monkeypatch):
    monkeypatch.setattr(speed, "SMALL_BATCH", 16)
    monkeypatch.setattr(speed, "FEWER_EPOCHS", 2)
    images = np.random.default_rng(0).random((40, 28, 28), dtype=np.float32)
    *_, expected, loss, first = speed.time_other("GRU", images)
    assert loss == pytest.approx(expected, abs=1e-6)
    assert first > 0


def test_pytorch_is_no_requirement(monkeypatch):
    monkeypatch.setattr(speed, "find_spec", lambda name: None)
    assert np.isnan(speed.torch_seconds("GRU", np.zeros((1, 28, 28))))


def test_pytorchs_nets_are_of_the_same_size():
    with_torch = pytest.importorskip("with_torch", exc_type=ImportError)
    assert with_torch.NETS.keys() == architectures.NETS.keys()
    for name in "convolutional", "of keras.io", "transformer", "VAE", "VQ-VAE":
        count = sum(weight.numel() for weight in with_torch.NETS[name]().parameters())
        trained = speed.build_other(name).trainable_weights
        assert count == sum(int(np.prod(weight.shape)) for weight in trained)


def test_a_net_timed_for_the_first_time_gets_a_span():
    spans = {"toy": {"lowest": 310, "highest": 450}}
    wider = speed.widen(spans, {"toy": 320.0, "LSTM": 1.44})
    assert wider == spans | {"LSTM": {"lowest": 1.4, "highest": 1.4}}
