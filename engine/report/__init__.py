"""The report: one page that shows scores and the answers behind them, and needs nothing else."""
