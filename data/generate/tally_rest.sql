-- What lies outside the chunks.
insert into tally
select 'history_messages', count(*) from history_message
union all
select 'notices_' || what, count(*) from notice group by all
union all
select
    'consents_' || split_part(json_extract_string(line, '$.type'), '.', 4),
    count(distinct json_extract_string(line, '$.id'))
from consents_line
group by all;
