-- One row per report of a status, as the JSON object that the network writes.
create table status_event as
with reported as (
    select delivery.*, status, status_no, copy_no,
        part(f, 3, 10) as pricing_pattern,
        case status
            when 'delivered' then delivered_s
            when 'read' then read_s
            when 'played' then read_s + 1 + part(t, 2, 300)
            when 'failed' then sent_s + 1 + part(t, 3, 20)
            when 'deleted' then delivered_s + 60 + part(t, 3, 3600)
            else sent_s
        end as at_s,
        delivery_no * 16 + status_no * 2 + copy_no as event_no,
        redraw(f, status_no * 2 + copy_no) as v
    from delivery,
        (values ('sent', 0), ('delivered', 1), ('read', 2), ('played', 3), ('failed', 4),
            ('deleted', 5)) as statuses(status, status_no),
        -- One event in a hundred is reported a second time, in another payload.
        unnest(range(if((part(f, 2, 100) + status_no * 23) % 100 = 0, 2, 1)))
            as copies(copy_no)
    where case status
        when 'sent' then part(f, 0, 100) < if(fate = 'failed', 40, 97)
            or fate = 'sent'
        when 'delivered' then fate = 'delivered' and not is_read_alone
        when 'read' then has_read
        when 'played' then has_played
        when 'deleted' then is_deleted
        else fate = 'failed'
    end
),
priced as (
    -- The network leaves pricing out of some statuses, never of all of a delivered message.
    select *,
        not is_unknown and case status
            when 'sent' then pricing_pattern < 9
            when 'delivered' then pricing_pattern not in (7, 8) or not has_read
            when 'read' then pricing_pattern in (0, 1, 2, 3, 7, 8) or is_read_alone
            when 'played' then pricing_pattern < 4
            when 'deleted' then false
            else pricing_pattern = 9
        end as has_pricing,
        fate <> 'failed' and pricing_type = 'regular' as is_billable,
        if(category = 'authentication_international' and item_no % 2 = 0,
            'authentication-international', category) as spelled
    from reported
)
select
    at_s + case when part(v, 1, 1000) < 30 then part(v, 2, 7200) else part(v, 2, 6) end as arrival,
    event_no, v, sender_no, 'status' as kind,
    '{"id":"' || wamid || '","status":"' || status || '","timestamp":"' || at_s || '"'
    || case
        when is_group then ',"recipient_id":"' || (300000000000 + relation_no)
            || '","recipient_type":"group","recipient_participant_id":"' || number || '"'
        when has_no_number and relation_no % 2 = 0
            then ',"recipient_id":"","recipient_user_id":"' || user_id || '"'
        when has_no_number then ',"recipient_user_id":"' || user_id || '"'
        when api_version = 25
            then ',"recipient_id":"' || number || '","recipient_user_id":"' || user_id || '"'
        else ',"recipient_id":"' || number || '"'
    end
    || case
        when status in ('failed', 'deleted') or status = 'read' and not has_pricing
            and not is_read_alone then ''
        when is_in_entry and pricing_type = 'free_entry_point' then
            ',"conversation":{"id":"'
            || md5(getvariable('seed') || ':entry:' || (thread_no * 2 + entry_no))
            || '","expiration_timestamp":"' || entry_closes_s
            || '","origin":{"type":"referral_conversion"}}'
        when api_version = 23 and pricing_type <> 'free_entry_point' then
            ',"conversation":{"id":"' || md5(wamid) || '"'
            || if(status = 'sent', ',"expiration_timestamp":"' || (sent_s + 86400) || '"', '')
            || ',"origin":{"type":"' || spelled || '"}}'
        else ''
    end
    || case
        when not has_pricing then ''
        when category = 'marketing_lite' then
            ',"pricing":{"billable":' || is_billable
            || ',"pricing_model":"PMP","category":"marketing_lite"}'
        else
            ',"pricing":{"billable":' || is_billable || ',"pricing_model":"PMP","type":"'
            || pricing_type || '","category":"' || spelled || '"}'
    end
    || case
        when status <> 'failed' then ''
        else ',"errors":[{"code":' || case
            when country = 'US' and category like '%marketing%'
                then '131049,"title":"Held back to keep engagement healthy"'
            else pick([
                '131026,"title":"Message undeliverable"', '131047,"title":"Window has closed"',
                '131053,"title":"Media upload error"', '130472,"title":"Part of an experiment"',
                '131042,"title":"Payment issue"'], part(t, 1, 5))
        end || '}]'
    end
    || '}' as body,
    case
        when status in ('failed', 'played', 'deleted') then null
        when has_no_number and not is_group then
            '{"profile":{"name":"Contact ' || relation_no || '","username":"@contact'
            || relation_no || '"},' || if(relation_no % 2 = 0, '"wa_id":"",', '')
            || '"user_id":"' || user_id || '"}'
        when api_version = 25 and not is_group then
            '{"profile":{"name":"Contact ' || relation_no || '"},"wa_id":"' || number
            || '","user_id":"' || user_id || '"}'
    end as contact
from priced;
