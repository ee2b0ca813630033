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
