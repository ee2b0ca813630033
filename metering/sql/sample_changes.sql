-- One row for each change of messages in view `sampled`, as it was written.
create or replace temp table sampled_changes as
with changes as (
    select
        file_no,
        unnest(try(json_extract(raw, '$.entry[*].changes[*]'))) as change
    from sampled
    where raw is not null
)
select file_no, change
from changes
where json_type(change) = 'OBJECT' and coalesce(change ->> '$.field', 'messages') = 'messages';

-- One row for each payload of the view that holds entries, as it was written.
create or replace temp view sampled_payloads as
select file_no, raw
from sampled
where json_type(raw) = 'OBJECT' and json_exists(raw, '$.entry');
