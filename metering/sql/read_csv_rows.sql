-- One row for each row of a CSV file, with its line and its cells as they are; a row that does not
-- fit the header has its problem and text instead.
drop table if exists csv_rejects;

drop table if exists csv_reject_scans;

create or replace temp table parsed_rows as
select
    row_number() over () + 1 as line,
    null::varchar as row_text,
    null::varchar as problem,
    cells.*
from read_csv(
    getvariable('path'), header = true, all_varchar = true, delim = getvariable('delimiter'),
    quote = '"', escape = '"', strict_mode = true, store_rejects = true,
    rejects_table = 'csv_rejects', rejects_scan = 'csv_reject_scans',
    max_line_size = 16777216
) as cells;

create or replace temp table arrived_rows as
from parsed_rows
union all by name
select
    line,
    any_value(csv_line) as row_text,
    case any_value(error_type)::varchar
        when 'INVALID ENCODING' then 'line is not UTF-8'
        when 'LINE SIZE OVER MAXIMUM' then 'line is longer than 16 MiB'
        else 'row does not fit the header'
    end as problem
from csv_rejects
group by line;
