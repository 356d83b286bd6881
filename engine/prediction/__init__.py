"""Predict: checkpoints answer about every record of a split, on a pool of actors."""
