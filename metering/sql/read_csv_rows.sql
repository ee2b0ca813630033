-- One row for each row of a CSV file: its cells as text, or the problem and text of one that does not
-- fit the header. The names of our columns are such as no file has.
create or replace temp table arrived_rows as
select
    *,
    null::varchar as "tollbook text",
    null::varchar as "tollbook problem"
from parsed_rows
union all by name
select
    -line::bigint as "tollbook line",
    any_value(csv_line) as "tollbook text",
    case any_value(error_type)::varchar
        when 'INVALID ENCODING' then 'line is not UTF-8'
        when 'LINE SIZE OVER MAXIMUM' then 'line is longer than 16 MiB'
        else 'row does not fit the header'
    end as "tollbook problem"
from csv_rejects
group by line;
