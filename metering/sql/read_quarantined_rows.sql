-- One row for each table row that is tried again: its cells stand in a JSON object.
create or replace temp table arrived_rows as
select
    row_number() over () as line,
    null::varchar as row_text,
    null::varchar as problem,
    cells.*
from read_ndjson(
    getvariable('path'), auto_detect = true, sample_size = -1, maximum_depth = 1,
    map_inference_threshold = -1, field_appearance_threshold = 0,
    convert_strings_to_integers = false
) as cells;
