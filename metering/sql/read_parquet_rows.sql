-- One row for each row of a Parquet file, with its number.
create or replace temp table arrived_rows as
select
    row_number() over () as line,
    null::varchar as row_text,
    null::varchar as problem,
    cells.*
from read_parquet(getvariable('path')) as cells;
