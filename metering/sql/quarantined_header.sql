-- One row for each column of the table rows that are tried again.
select distinct unnest(json_keys(json)) as name
from read_ndjson_objects(getvariable('path'))
order by name;
