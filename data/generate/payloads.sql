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
        '{"object":"whatsapp_business_account","entry":[{"id":"' || waba_id || '","changes":['
        || value_json(display_phone_number, sender_id, contact, message, status) || ']}]}' as line
    from event join sender using (sender_no)
    where part(v, 0, 1000) < 720
),
batched as (
    select event.*, if(
            part(v, 0, 1000) < 970,
            (sender_no * 65536 + (arrival - getvariable('begin_s')) // 1800) * 4 + 1,
            (arrival - getvariable('begin_s')) // 600 * 4 + 2) as payload_no
    from event
    where part(v, 0, 1000) >= 720
),
change as (
    select
        payload_no, sender_no, min(arrival) as arrival, min(v) as v,
        string_agg(contact, ',' order by arrival, event_no) as contacts,
        string_agg(message, ',' order by arrival, event_no) as messages,
        string_agg(status, ',' order by arrival, event_no) as statuses
    from batched
    group by all
),
entry as (
    select
        payload_no, waba_id, min(arrival) as arrival, min(v) as v,
        string_agg(
            value_json(display_phone_number, sender_id, contacts, messages, statuses), ','
            order by sender_no) as changes
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
