-- One row for each table of the store: how many rows it holds, as far as the engine's own count goes.
select
    table_name as name,
    estimated_size as row_count
from duckdb_tables()
where not temporary and not internal and table_name != 'store_facts'
order by row_count desc, name
