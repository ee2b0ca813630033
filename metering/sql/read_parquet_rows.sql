-- One row for each row of a Parquet file, with its number. The names of our columns are such as no
-- file has.
create or replace temp table arrived_rows as
select
    row_number() over () as "tollbook line",
    null::varchar as "tollbook text",
    null::varchar as "tollbook problem",
    cells.*
from read_parquet(getvariable('path')) as cells;
