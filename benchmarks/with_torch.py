"""The nets of `architectures.py` in PyTorch, tuned as its users do: where it is installed only.

Tensors stay in memory, images lie channels last, and Adam is fused. Initial weights are PyTorch's.
"""

from collections.abc import Callable
from time import perf_counter

from architectures import (
    BLOCKS,
    CHANNELS,
    CODE,
    DRAWN,
    ENTRIES,
    HEADS,
    HIDDEN,
    PATCH,
    SIDE,
    TOKENS,
    UNITS,
    VECTOR,
    WIDTH,
)
import numpy as np
import torch
from torch import nn
from torch.nn import functional


def convolutional() -> nn.Module:
    """Build the net of 3,217 parameters."""

    def conv(a, b):
        return nn.Conv2d(a, b, 3, padding=1)

    return nn.Sequential(
        *(conv(1, 16), nn.ReLU(), nn.MaxPool2d(2), conv(16, 8), nn.ReLU(), nn.MaxPool2d(2)),
        *(conv(8, 8), nn.ReLU(), nn.Upsample(scale_factor=2)),
        *(conv(8, 16), nn.ReLU(), nn.Upsample(scale_factor=2), conv(16, 1)),
    )


def of_keras_io() -> nn.Module:
    """Build keras.io's denoiser."""
    net = []
    for a, b in (1, 32), (32, 32):
        net += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    for _ in range(2):
        double = nn.ConvTranspose2d(32, 32, 3, stride=2, padding=1, output_padding=1)
        net += [double, nn.ReLU()]
    return nn.Sequential(*net, nn.Conv2d(32, 1, 3, padding=1))


class Recurrent(nn.Module):
    """Reads an image row by row and writes it so."""

    def __init__(self, layer: type[nn.RNNBase], states: int):
        super().__init__()
        self.encoder, self.code = layer(SIDE, UNITS, batch_first=True), nn.Linear(UNITS, CODE)
        self.start = nn.ModuleList(nn.Linear(CODE, UNITS) for _ in range(states))
        self.decoder, self.row = layer(1, UNITS, batch_first=True), nn.Linear(UNITS, SIDE)

    def forward(self, x):
        z = self.code(self.encoder(x)[0][:, -1])
        start = tuple(to_state(z)[None] for to_state in self.start)
        blank = x.new_zeros(len(x), SIDE, 1)
        return self.row(self.decoder(blank, start if len(start) > 1 else start[0])[0])


class Transformer(nn.Module):
    """Reads and writes an image as 49 patches."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(PATCH**2, WIDTH, False), nn.Linear(WIDTH, PATCH**2)
        self.places = nn.Parameter(torch.zeros(TOKENS, WIDTH))
        block = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(WIDTH)
        self.blocks = nn.TransformerEncoder(block, BLOCKS, norm, enable_nested_tensor=False)

    def forward(self, x):
        return self.last(self.blocks(self.first(x) + self.places))


class Variational(nn.Module):
    """Reads and writes an image through a code that is drawn; keeps the KL of the last batch."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(SIDE**2, HIDDEN), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(HIDDEN, DRAWN), nn.Linear(HIDDEN, DRAWN)
        self.decoder = nn.Sequential(
            nn.Linear(DRAWN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, SIDE**2)
        )

    def forward(self, x):
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        kl = (mean**2 + log_variance.exp() - 1 - log_variance).sum(1) / 2
        self.added = kl.mean() / SIDE**2
        return self.decoder(mean + (log_variance / 2).exp() * torch.randn_like(mean))


class WithCodebook(nn.Module):
    """Writes an image as 7 × 7 entries of a codebook; dead entries lie where they are."""

    def __init__(self):
        super().__init__()
        a, b = CHANNELS
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, a, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.ReLU()),
            nn.Conv2d(b, VECTOR, 1),
        )
        self.codebook = nn.Parameter(torch.empty(ENTRIES, VECTOR).uniform_(-0.05, 0.05))
        double = {"stride": 2, "padding": 1, "output_padding": 1}
        self.decoder = nn.Sequential(
            *(nn.ConvTranspose2d(VECTOR, b, 3, **double), nn.ReLU()),
            *(nn.ConvTranspose2d(b, a, 3, **double), nn.ReLU()),
            nn.Conv2d(a, 1, 3, padding=1),
        )

    def forward(self, x):
        z = self.encoder(x).permute(0, 2, 3, 1)
        products = z @ self.codebook.T
        chosen = self.codebook[(self.codebook.square().sum(1) - 2 * products).argmin(-1)]
        apart = (z - chosen.detach()).square().sum(-1).mean()
        self.added = 0.25 / SIDE**2 * apart + (z.detach() - chosen).square().sum(-1).mean()
        z = chosen.detach() + z - z.detach()
        return self.decoder(z.permute(0, 3, 1, 2))


NETS: dict[str, Callable[[], nn.Module]] = {
    "convolutional": convolutional,
    "of keras.io": of_keras_io,
    "LSTM": lambda: Recurrent(nn.LSTM, 2),
    "GRU": lambda: Recurrent(nn.GRU, 1),
    "transformer": Transformer,
    "VAE": Variational,
    "VQ-VAE": WithCodebook,
}


def seconds_an_epoch(name: str, images: np.ndarray, batch: int, epochs: int) -> list[float]:
    """Train a net to restore its input, and give the seconds that each epoch took.

    Parameters
    ----------
    name : of one of `NETS`
    images : what the net of that name in `architectures.py` sees
    """
    net, x = NETS[name](), torch.from_numpy(images)
    if x.ndim == 4:
        x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    seconds = []
    for _ in range(epochs):
        start = perf_counter()
        for rows in torch.randperm(len(x)).split(batch):
            loss = functional.binary_cross_entropy_with_logits(net(x[rows]), x[rows])
            loss = loss + getattr(net, "added", 0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds.append(perf_counter() - start)
    return seconds
