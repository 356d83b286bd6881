"""Convert: detection parquet to each model's training shards, in one pass."""
