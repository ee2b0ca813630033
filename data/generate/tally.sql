-- What this chunk holds, each thing counted once, however often the log reports it.
insert into main.tally
select 'deliveries', count(*) from delivery where fate = 'delivered'
union all
select 'failed', count(*) from delivery where fate = 'failed'
union all
select 'deleted', count(*) from delivery where is_deleted
union all
select 'sends', count(*) from delivery where sent_category is not null and participant_no = 0
union all
select 'entries', count(*) from item where content = 'link' and source is not null
union all
select 'planted_' || planted, count(*) from delivery where planted is not null group by all
union all
select
    case
        when content in ('edit', 'revoke', 'number_change', 'identity_change')
            then content || 's' else 'inbound'
    end,
    count(*)
from item where direction = 'in' and is_logged
group by all
union all
select 'calls_' || content, count(*)
from item where direction = 'call' and is_logged
group by all
union all
select 'call_seconds', coalesce(sum(call_seconds(content, draw('other', item_no))), 0)
from item where direction = 'call' and is_logged
union all
select if(direction = 'echo', 'echoes', 'user_id_changes'), count(*)
from item where direction in ('echo', 'change') and is_logged
group by all;
