"""One small module a model family: data, not code."""
