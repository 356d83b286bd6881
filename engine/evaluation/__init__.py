"""Evaluate: predictions to scores, differences and a report."""
