"""Scores: what predictions are worth against targets, by columns of many images at a time.

Nothing here opens a file. Every count is an integer, and every sum of IoUs is an integer number of
2^-32: sums of parts are then the same in whatever order and in however many parts they are made.
"""
