"""Helpers for the autoencoder course: data, models, training, yardsticks, plots and a ledger."""

__version__ = "0.1.0"
