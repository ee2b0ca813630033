-- One row per report of a call, message from the phone app, or change of a user id: a change of
-- its own, with its field and the lists of its value.
create table other_event as
with drawn as (
    select item.*,
        draw('other', item_no) as o,
        wamid_of(number, item_no, 17) as wamid,
        wamid_of(number, item_no - 1, 17) as earlier_wamid,
        'wacid.' || to_base64(encode(upper(substr(md5(wamid), 1, 20)))) as call_id,
        contact_json(relation_no, number, user_id, api_version, has_no_number) as contact,
        if(has_no_number, user_id, number) as peer
    from item where direction in ('call', 'echo', 'change') and is_logged
),
reported as (
    select drawn.*, report_no, report, due_s + coalesce(after_s, 0) as at_s
    from drawn
    left join (
        values
            ('user_answered', 0, 'connect', 0), ('user_answered', 1, 'terminate', 5),
            ('user_missed', 0, 'connect', 0), ('user_missed', 1, 'terminate', 30),
            ('business_accepted', 0, 'RINGING', 2), ('business_accepted', 1, 'ACCEPTED', 8),
            ('business_accepted', 2, 'connect', 9), ('business_accepted', 3, 'terminate', 9),
            ('business_rejected', 0, 'RINGING', 2), ('business_rejected', 1, 'REJECTED', 12),
            ('business_rejected', 2, 'terminate', 13)
    ) as reports(content, report_no, report, after_s) using (content)
),
copied as (
    select reported.* replace (
            at_s + if(report = 'terminate', call_seconds(content, o), 0) as at_s),
        item_no * 128 + 64 + coalesce(report_no, 0) * 2 + copy_no as event_no,
        redraw(o, coalesce(report_no, 0) * 2 + copy_no) as v
    from reported,
        unnest(range(if((part(o, 2, 100) + coalesce(report_no, 0) * 31) % 100 = 0, 2, 1)))
            as copies(copy_no)
)
select
    at_s + case when part(v, 1, 1000) < 30 then part(v, 2, 7200) else part(v, 2, 6) end as arrival,
    event_no, v, sender_no,
    case direction
        when 'call' then 'calls' when 'echo' then 'smb_message_echoes' else 'user_id_update'
    end as field,
    case
        when report in ('RINGING', 'ACCEPTED', 'REJECTED') then
            ',"contacts":[' || contact || '],"statuses":[{"id":"' || call_id
            || '","timestamp":"' || at_s || '","type":"call","status":"' || report
            || '","recipient_id":"' || peer || '"}]'
        when direction = 'call' then
            ',"contacts":[' || contact || '],"calls":[{"id":"' || call_id || '","from":"'
            || if(content like 'user%', peer, display_phone_number) || '","to":"'
            || if(content like 'user%', display_phone_number, peer)
            || '","event":"' || report || '","direction":"'
            || if(content like 'user%', 'USER', 'BUSINESS')
            || '_INITIATED","timestamp":"' || at_s || '"'
            || case
                when report = 'connect' then ',"session":{"sdp_type":"'
                    || if(content like 'user%', 'offer', 'answer') || '","sdp":"v=0"}'
                when call_seconds(content, o) = 0 then ',"status":"FAILED"'
                else ',"status":"COMPLETED","start_time":"' || (at_s - call_seconds(content, o))
                    || '","end_time":"' || at_s || '","duration":' || call_seconds(content, o)
            end || '}]'
        when direction = 'echo' then
            if(api_version = 25, ',"contacts":[' || contact || ']', '')
            || ',"message_echoes":[{"from":"' || display_phone_number || '","to":"' || number
            || '","id":"' || wamid || '","timestamp":"' || at_s || '","type":"' || content || '"'
            || case content
                when 'text' then ',"text":{"body":"It is on its way."}'
                when 'image' then ',"image":{"id":"' || (o % 1000000000000000)
                    || '","mime_type":"image/jpeg"}'
                else ',"revoke":{"original_message_id":"' || earlier_wamid || '"}'
            end || '}]'
        else
            ',"contacts":[{"profile":{"name":"Contact ' || relation_no || '"}'
            || if(has_no_number, '', ',"wa_id":"' || number || '"') || '}],"user_id_update":[{'
            || if(has_no_number, '', '"wa_id":"' || number || '",')
            || '"detail":"User id for Contact ' || relation_no || ' has been updated."'
            || ',"user_id":{"previous":"' || old_user_id || '","current":"' || user_id
            || '"},"timestamp":"' || at_s || '"}]'
    end as content
from copied join (select sender_no, display_phone_number from sender) using (sender_no);
