-- The rest of a change becomes an event for each of its elements: calls, messages that the business
-- sent from its phone app, messages from before it joined, changes of user ids, and what the
-- network says of an account.
create or replace temp table rest_items as
with rests as (
    select file_no, aside, sender_id, waba_id, aside.rest as rest
    from asides
    where aside.rest is not null
),
elements as (
    select *, 'calls' as array_name, unnest(json_extract(rest, '$.calls[*]')) as item, null as thread
    from rests
    union all
    select *, 'message_echoes', unnest(json_extract(rest, '$.message_echoes[*]')), null
    from rests
    union all
    select *, 'user_id_update', unnest(json_extract(rest, '$.user_id_update[*]')), null
    from rests
    union all
    select
        * exclude (thread), unnest(json_extract(thread, '$.messages[*]')), thread ->> '$.id'
    from (
        select *, 'history' as array_name, unnest(json_extract(rest, '$.history[*].threads[*]')) as thread
        from rests
    )
    union all
    select
        *,
        aside.field,
        -- What is not said is left out, so that the same event is the same text.
        json_merge_patch('{}', json_merge_patch(rest, '{"contacts": null}')),
        null
    from rests
    where aside.field in ('account_update', 'template_category_update')
),
numbered as (
    select
        *,
        row_number() over (
            partition by
                file_no, aside.line, aside.payload_no, aside.entry_no, aside.change_no, array_name
        ) as item_no,
        json_extract(rest, '$.contacts[0]') as contact,
        array_name in ('account_update', 'template_category_update') as is_of_account,
        json_type(item) = 'OBJECT' as is_object
    from elements
),
read as (
    select
        *,
        case when is_of_account then aside.entry_time else item ->> '$.timestamp' end as written_at,
        case array_name
            when 'calls' then coalesce(nullif(upper(item ->> '$.direction'), ''), '')
            else ''
        end as call_direction,
        ltrim(item ->> '$.from', '+') is not distinct from ltrim(thread, '+') as is_of_user,
        item ->> '$.id' as item_id,
        case array_name
            when 'user_id_update' then item ->> '$.user_id.previous'
        end as previous_id,
        case array_name
            when 'user_id_update' then item ->> '$.user_id.current'
        end as current_id
    from numbered
),
named as (
    select
        *,
        case
            when regexp_full_match(written_at, '-?[0-9]+') then try_cast(written_at as bigint)
        end as seconds,
        -- The contact: who the business calls or writes to, or who calls.
        case
            when array_name = 'user_id_update' then item ->> '$.wa_id'
            when array_name = 'history' then thread
            when call_direction = 'USER_INITIATED' then item ->> '$.from'
            when array_name in ('calls', 'message_echoes') then item ->> '$.to'
        end as name,
        case
            when array_name = 'user_id_update' then current_id
            when call_direction = 'USER_INITIATED' then item ->> '$.from_user_id'
            when array_name in ('calls', 'message_echoes')
                then coalesce(item ->> '$.to_user_id', item ->> '$.recipient_user_id')
        end as given_user_id
    from read
)
select
    *,
    case when regexp_full_match(name, '\+?[0-9]{7,15}') then ltrim(name, '+') end as number,
    coalesce(
        nullif(given_user_id, ''),
        case when coalesce(contact ->> '$.wa_id', '') in ('', name) then nullif(contact ->> '$.user_id', '') end,
        case when not regexp_full_match(name, '\+?[0-9]{7,15}') then nullif(name, '') end
    ) as user_id,
    case
        when not is_object then 'item is not an object'
        when array_name in ('calls', 'message_echoes', 'history') and coalesce(item_id, '') = ''
            then 'message id is missing'
        when array_name = 'calls' and coalesce(item ->> '$.event', '') = '' then 'status is missing'
        when array_name = 'user_id_update' and (coalesce(previous_id, '') = '' or coalesce(current_id, '') = '')
            then 'user id is missing'
        when array_name = 'account_update' and coalesce(item ->> '$.event', '') = ''
            then 'event of the account is missing'
        when is_of_account and coalesce(item ->> '$.waba_info.waba_id', waba_id) is null
            then 'account is missing'
        when sender_id is null and not is_of_account then 'sender is missing'
        when coalesce(written_at, '') = '' then 'timestamp is missing'
        else time_problem(seconds)
    end as reason
from named;

insert into asides
select
    file_no,
    struct_update(
        aside,
        array_name := case when not is_of_account then array_name end,
        item_no := item_no,
        reason := reason,
        ignored := null::varchar,
        error_count := 0::bigint,
        rest := null::json,
        item := case
            when is_of_account then null
            when array_name = 'history' then json_object('threads', json_array(
                json_object('id', thread, 'messages', json_array(item))
            ))
            else item
        end
    ) as aside,
    sender_id,
    waba_id
from rest_items
where reason is not null;

insert into staged by name
select
    file_no,
    case
        when is_of_account then md5_number(concat(
            getvariable('hash_key'), waba_id, chr(31), array_name, chr(31), seconds, chr(31), item
        ))
        when array_name = 'user_id_update' then md5_number(concat(
            getvariable('hash_key'), sender_id, chr(31), previous_id, chr(31), current_id, chr(31), seconds
        ))
        when array_name = 'calls' then message_key_of('whatsapp', 'call', sender_id, item_id, null)
        when is_of_user
            then message_key_of('whatsapp', 'inbound', sender_id, item_id, item ->> '$.type')
        -- The message that an echo or the history shows is known by its outbound key.
        else message_key_of('whatsapp', 'outbound', sender_id, item_id, null)
    end as message_key,
    case array_name
        when 'calls' then 'call'
        when 'message_echoes' then 'echo'
        when 'history' then 'history'
        when 'user_id_update' then 'identity'
        else 'account'
    end as direction,
    case
        when array_name = 'calls' then lower(item ->> '$.event')
        when array_name = 'message_echoes' then 'echo'
        when array_name = 'history' and is_of_user then 'received'
        when array_name = 'account_update' then upper(item ->> '$.event')
        when array_name = 'history' then 'history'
        else array_name
    end as status,
    case
        when array_name = 'calls' then lower(nullif(call_direction, ''))
        else item ->> '$.type'
    end as message_type,
    instant_of(seconds) as occurred_at,
    'whatsapp' as channel,
    case when not is_of_account then sender_id end as sender_id,
    case
        when is_of_account then coalesce(item ->> '$.waba_info.waba_id', waba_id) else waba_id
    end as waba_id,
    key_of('contact', number) as contact_key,
    key_of('user', user_id) as user_key,
    case
        when number is not null then heads.country
        else nullif(regexp_extract(user_id, '^([A-Z]{2})\.', 1), '')
    end as country,
    case when number is not null then coalesce(heads.prefix, '*') end as prefix,
    key_of('user', nullif(previous_id, '')) as linked_key,
    case
        when array_name = 'calls'
            then try_cast(round(try_cast(item ->> '$.duration' as decimal(18, 3))) as integer)
    end as duration_seconds,
    case when is_of_account then json_merge_patch(item, '{"event": null}')::varchar end as data,
    case
        when array_name in ('message_echoes', 'history') and not is_of_user then key_of('message', item_id)
    end as id_key
from rest_items
left join heads on heads.head = head_of(number)
where reason is null;

-- What remains of the change are the errors of its value, or nothing.
update asides
set aside = struct_update(aside, rest := null::json)
where aside.rest is not null and aside.error_count > 0;

delete from asides
where aside.rest is not null;
