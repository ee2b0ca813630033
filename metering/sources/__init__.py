"""One module a log format; each fills the same staged rows, by DuckDB and in columns."""
