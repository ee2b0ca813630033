-- One row per message that a business received, as the JSON object that the network writes.
create table inbound_event as
with typed as (
    select item.*,
        draw('inbound', item_no) as i,
        case content
            when 'any' then pick(
                ['text', 'text', 'text', 'image', 'audio', 'video', 'document', 'sticker',
                 'location', 'contacts', 'interactive', 'order', 'unsupported'], part(i, 0, 13))
            when 'ad' then if(part(i, 0, 5) = 0, 'image', 'text')
            when 'group' then 'text'
            when 'link' then 'text'
            when 'welcome' then 'request_welcome'
            when 'number_change' then 'system'
            when 'identity_change' then 'system'
            else content
        end as type,
        wamid_of(number, item_no, 18) as wamid,
        wamid_of(coalesce(old_number, number), item_no - step + 1, 18) as first_wamid
    from item where direction = 'in' and is_logged
),
copied as (
    select typed.*, item_no * 128 + copy_no as event_no, redraw(i, copy_no) as v
    from typed, unnest(range(if(part(i, 1, 100) = 0, 2, 1))) as copies(copy_no)
)
select
    due_s + case when part(v, 1, 1000) < 30 then part(v, 2, 7200) else part(v, 2, 6) end as arrival,
    event_no, v, sender_no, 'message' as kind,
    '{' || case
        when has_no_number and not is_group then '"from_user_id":"' || user_id || '"'
        when api_version = 25 then
            '"from":"' || coalesce(old_number, number) || '","from_user_id":"' || user_id || '"'
        else '"from":"' || coalesce(old_number, number) || '"'
    end
    || if(is_group, ',"group_id":"' || (300000000000 + relation_no) || '"', '')
    || ',"id":"' || wamid || '","timestamp":"' || due_s || '","type":"' || type || '"'
    || case
        when type = 'text' then ',"text":{"body":"'
            || pick(['Hello', 'Where is my order?', 'Thank you', 'I came from your link',
                     'Can I change the day?', 'Gracias \u00a1muy bien!'], part(i, 2, 6)) || '"}'
        when type in ('image', 'video', 'document', 'sticker', 'audio') then
            ',"' || type || '":{"id":"' || (i % 1000000000000000) || '","mime_type":"'
            || case type when 'image' then 'image/jpeg' when 'video' then 'video/mp4'
                when 'document' then 'application/pdf' when 'sticker' then 'image/webp'
                else 'audio/ogg; codecs=opus' end || '"'
            || if(type = 'audio', ',"voice":true', '') || '}'
        when type = 'location' then
            ',"location":{"latitude":' || part(i, 2, 90) || '.5,"longitude":'
            || part(i, 3, 180) || '.25}'
        when type = 'contacts' then
            ',"contacts":[{"name":{"formatted_name":"A friend"},"phones":[{"type":"CELL"}]}]'
        when type = 'button' then ',"button":{"payload":"more","text":"Tell me more"}'
        when type = 'interactive' then
            ',"interactive":{"type":"list_reply","list_reply":{"id":"row-' || part(i, 2, 9)
            || '","title":"Choice"}}'
        when type = 'reaction' then
            ',"reaction":{"message_id":"' || wamid || '","emoji":"\ud83d\udc4d"}'
        when type = 'order' then
            ',"order":{"catalog_id":"' || (i % 1000000000) || '","product_items":[{'
            || '"product_retailer_id":"sku-' || part(i, 2, 99)
            || '","quantity":1,"item_price":9.5,"currency":"USD"}]}'
        when content = 'number_change' then
            ',"system":{"body":"Contact ' || relation_no || ' changed from ' || old_number || ' to '
            || number || if(api_version = 23, '","new_wa_id":"', '","wa_id":"') || number
            || '","type":"user_changed_number"}'
        when content = 'identity_change' then
            ',"system":{"body":"User identity changed","type":"customer_identity_changed"}'
            || ',"identity":{"acknowledged":true,"created_timestamp":"' || due_s || '","hash":"'
            || substr(md5(wamid), 1, 12) || '"}'
        when type = 'edit' then
            ',"edit":{"original_message_id":"' || first_wamid
            || '","message":{"type":"text","text":{"body":"Where is my order, please?"}}}'
        when type = 'revoke' then ',"revoke":{"original_message_id":"' || first_wamid || '"}'
        when type = 'request_welcome' then ''
        else ',"errors":[{"code":131051,"title":"Message type unknown"}]'
    end
    || if(content <> 'ad', '',
        ',"referral":{"source_url":"https://ads.example/' || (i % 100000)
        || '","source_id":"' || (120000000000 + i % 1000000000)
        || '","source_type":"' || source
        || '","headline":"Chat with us","ctwa_clid":"' || substr(md5(wamid), 1, 24) || '"}')
    || '}' as body,
    case
        when content = 'number_change' then null
        else contact_json(relation_no, number, user_id, api_version, has_no_number and not is_group)
    end as contact
from copied;
