-- Units with the template that a send log names for their message, the latest where it names several.
create or replace temp table templates as
select message_key as id_key, max({occurred_at: occurred_at, name: data}).name as template
from events
where direction = 'send'
group by message_key;

create or replace temp view templated as
select units.*, templates.template
from units
left join templates using (id_key);
