"""Grounding formats: how each model family writes boxes in text."""
