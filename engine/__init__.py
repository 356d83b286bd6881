"""The streams: sources, plan, convert, predict, evaluate, train, report, and the command line."""
