"""Cases in Parquet files: the embedded store."""
