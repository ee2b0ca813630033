-- One row per payload: most carry one item, some carry many of one number, a few many of several.
create table payload as
with event as (
    select arrival, event_no, v, sender_no, contact, body as status, null::varchar as message
    from status_event
    union all
    select arrival, event_no, v, sender_no, contact, null, body from inbound_event
),
alone as (
    select
        event_no * 4 as payload_no, arrival, v,
        payload_json(waba_id, change_json('messages', display_phone_number, sender_id,
            lists_json(contact, message, status))) as line
    from event join sender using (sender_no)
    where part(v, 0, 1000) < 720
    union all
    select
        event_no * 4, arrival, v,
        payload_json(waba_id, change_json(field, display_phone_number, sender_id, content))
    from other_event join sender using (sender_no)
    where part(v, 0, 1000) < 720
),
batched as (
    select event.*, batch_no(v, sender_no, arrival) as payload_no
    from event
    where part(v, 0, 1000) >= 720
),
listed as (
    select
        payload_no, sender_no, min(arrival) as arrival, min(v) as v,
        string_agg(contact, ',' order by arrival, event_no) as contacts,
        string_agg(message, ',' order by arrival, event_no) as messages,
        string_agg(status, ',' order by arrival, event_no) as statuses
    from batched
    group by all
),
change as (
    select
        payload_no, sender_no, 0 as event_no, arrival, v, 'messages' as field,
        lists_json(contacts, messages, statuses) as content
    from listed
    union all
    select
        batch_no(v, sender_no, arrival), sender_no, event_no, arrival, v, field, content
    from other_event
    where part(v, 0, 1000) >= 720
),
entry as (
    select
        payload_no, waba_id, min(arrival) as arrival, min(v) as v,
        string_agg(
            change_json(field, display_phone_number, sender_id, content), ','
            order by sender_no, event_no) as changes
    from change join sender using (sender_no)
    group by all
),
whole as (
    select
        payload_no, min(arrival) as arrival, min(v) as v,
        '{"object":"whatsapp_business_account","entry":['
        || string_agg('{"id":"' || waba_id || '","changes":[' || changes || ']}', ','
            order by waba_id) || ']}' as line
    from entry
    group by all
)
select
    payload_no, arrival, line,
    redraw(v, 7) as p,
    case
        -- Some of the last day arrives when the next month has begun.
        when arrival >= getvariable('month_end_s') - 86400 and part(p, 0, 10) < 2 then 'late'
        when part(p, 1, 1000) < 8 then 'held'
        else 'now'
    end as place
from (from alone union all from whole);
