-- One row per CloudEvent of a contact who came by a link or from a website, some moments before it
-- writes.
select
    '{"specversion":"1.0","id":"' || md5(getvariable('seed') || ':entered:' || item_no)
    || '","source":"/links","type":"com.tollbook.conversation.entered","subject":"' || sender_id
    || '","time":"' || strftime(make_timestamp(at_s * 1000000), '%Y-%m-%dT%H:%M:%SZ')
    || '","datacontenttype":"application/json","data":{"contact":"' || number
    || '","entry_point":"' || source || '"}}' as line,
    at_s,
    item_no
from (
    select *, due_s - 5 - part(t, 2, 900) as at_s
    from item where content = 'link' and source is not null
) as entered
join sender using (sender_no)
