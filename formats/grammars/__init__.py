"""Grammars: objects to text and back, whatever the numbers mean; that is the codec's matter."""
