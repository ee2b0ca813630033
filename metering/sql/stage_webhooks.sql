-- One row for each item of the payloads in view `payload`: a status, a message, or the rest of a
-- change. `reason` says why an item cannot be used, `ignored` of which ignored kind it is; an item
-- with neither is an event. Nothing is dropped here: a payload without an entry, an entry without
-- a change and a change without items are one row each.
insert into staged
with
entries as (
    select
        file_no,
        line,
        payload_no,
        raw,
        default_sender,
        coalesce(len(entry), 0) > 0 as has_entry,
        unnest(case when len(entry) > 0 then entry else [null] end) as entry,
        unnest(case when len(entry) > 1 then range(1, 1 + len(entry)) else [1] end) as entry_no
    from payload
),
changes as (
    select
        * exclude (entry),
        entry.id as waba_id,
        coalesce(len(entry.changes), 0) > 0 as has_change,
        unnest(case when len(entry.changes) > 0 then entry.changes else [null] end) as change,
        unnest(
            case when len(entry.changes) > 1 then range(1, 1 + len(entry.changes)) else [1] end
        ) as change_no
    from entries
),
counted as (
    select
        * exclude (change),
        change.field as field,
        change.value as value,
        coalesce(len(change.value.statuses), 0) as status_count,
        coalesce(len(change.value.messages), 0) as message_count,
        coalesce(json_array_length(change.value.message_echoes)::bigint, 0) as echo_count,
        coalesce(json_array_length(change.value.calls)::bigint, 0) as call_count,
        coalesce(json_array_length(change.value.errors)::bigint, 0) as error_count,
        case
            when change.value.history is null then 0
            else coalesce(
                len(json_extract(change.value.history, '$[*].threads[*].messages[*]')), 0
            )
        end as history_count
    from changes
),
shaped as (
    select
        *,
        echo_count + call_count + error_count + history_count as rest_count,
        (status_count = 0) = (message_count = 0)
        or echo_count + call_count + error_count + history_count > 0 as has_rest
    from counted
),
-- The first two branches pass a list through; only a change of several kinds is copied. There a
-- null behind the last item stands for the rest of the change.
items as (
    select
        * exclude (value),
        value.metadata.phone_number_id as phone_number_id,
        value.contacts as contacts,
        unnest(
            case
                when not has_rest and status_count > 0 then value.statuses
                when not has_rest then value.messages
                else list_concat(list_concat(value.statuses, value.messages), [null])
            end
        ) as item,
        unnest(range(1, 1 + status_count + message_count + has_rest::integer)) as item_no
    from shaped
),
known as (
    select
        * exclude (contacts),
        item_no > status_count + message_count as is_rest,
        case when item_no <= status_count then 'outbound' else 'inbound' end as direction,
        try_cast(
            case
                when contains(item.timestamp, '.')
                    then regexp_extract(item.timestamp, '^(-?[0-9]+)\.[0-9]+$', 1)
                when regexp_full_match(item.timestamp, '-?[0-9]+') then item.timestamp
            end as bigint
        ) as seconds,
        coalesce(nullif(phone_number_id, ''), default_sender) as sender_id,
        -- Of several contacts, the one that the item is about.
        case
            when len(contacts) > 1 then list_filter(
                contacts,
                lambda c: c.wa_id in (item.recipient_id, item.from, item.recipient_participant_id)
                or c.user_id in (
                    item.recipient_user_id, item.from_user_id, item.recipient_participant_user_id
                )
            )
            else contacts
        end as contacts
    from items
    -- The null behind the items stands for nothing where there is no rest.
    where not (item_no > status_count + message_count and rest_count = 0 and item_no > 1)
),
identified as (
    select
        *,
        -- What every event needs, so that the reasons are gone through for the others alone.
        not is_rest
        and item.id != ''
        and sender_id is not null
        and seconds between 1230768000 and 4102444799
        and (direction = 'inbound' or (item.status != '' and item.type is distinct from 'call'))
            as is_event,
        case
            when direction = 'inbound' then item.from
            when item.recipient_type = 'group' then item.recipient_participant_id
            when item.recipient_id != '' then item.recipient_id
            else contacts[1].wa_id
        end as number_or_id
    from known
),
placed as (
    select
        *,
        case
            when regexp_full_match(number_or_id, '\+?[0-9]{7,15}') then ltrim(number_or_id, '+')
        end as number
    from identified
),
judged as (
    select
        *,
        coalesce(
            nullif(
                case
                    when direction = 'inbound' then item.from_user_id
                    else coalesce(item.recipient_participant_user_id, item.recipient_user_id)
                end,
                ''
            ),
            case
                when coalesce(contacts[1].wa_id, '') in ('', number_or_id)
                    then nullif(contacts[1].user_id, '')
            end,
            case when number is null then nullif(number_or_id, '') end
        ) as user_id,
        case
            when is_event then null
            when is_rest and rest_count > 0 then null
            when is_rest and not has_entry then 'payload has no entries'
            when is_rest and not has_change then 'entry has no changes'
            when is_rest and coalesce(field, 'messages') = 'messages'
                then 'change holds no messages or statuses'
            when is_rest then null
            when item is null then 'item is not an object'
            when direction = 'outbound' and item.type = 'call' then null
            when nullif(item.id, '') is null then 'message id is missing'
            when direction = 'outbound' and nullif(item.status, '') is null
                then 'status is missing'
            when sender_id is null then 'sender is missing'
            when nullif(item.timestamp, '') is null then 'timestamp is missing'
            else time_problem(seconds)
        end as reason,
        -- Under per-message pricing the id names one message, unless the entry point was free.
        item.conversation.id != ''
        and (
            item.pricing.pricing_model is distinct from 'PMP'
            or item.pricing.type = 'free_entry_point'
            or item.conversation.origin.type = 'referral_conversion'
        ) as names_conversation
    from placed
)
select
    file_no,
    case when not coalesce(is_event, false) then {
        line: line,
        payload_no: payload_no,
        entry_no: entry_no,
        change_no: change_no,
        item_no: item_no - case when item_no > status_count then status_count else 0 end,
        array_name: case
            when is_rest then null when direction = 'outbound' then 'statuses' else 'messages'
        end,
        reason: reason,
        ignored: case
            when is_rest and rest_count = 0 and has_change and field != 'messages' then field
            when not is_rest and direction = 'outbound' and item.type = 'call' then 'call statuses'
        end,
        echo_count: case when is_rest then echo_count else 0 end,
        call_count: case when is_rest then call_count else 0 end,
        error_count: case when is_rest then error_count else 0 end,
        history_count: case when is_rest then history_count else 0 end,
        raw: raw
    } end as aside,
    message_key_of(
        'whatsapp',
        direction,
        sender_id,
        item.id,
        case
            when direction = 'inbound' then item.type
            when item.recipient_type = 'group' then coalesce(
                nullif(item.recipient_participant_id, ''), item.recipient_participant_user_id
            )
        end
    ) as message_key,
    direction,
    case direction when 'outbound' then item.status else 'received' end as status,
    item.type as message_type,
    case when is_event then make_timestamp(seconds * 1000000) end as occurred_at,
    'whatsapp' as channel,
    sender_id,
    nullif(waba_id, '') as waba_id,
    key_of('contact', number) as contact_key,
    key_of('user', user_id) as user_key,
    case
        when number is not null then heads.country
        else coalesce(
            nullif(regexp_extract(user_id, '^([A-Z]{2})\.', 1), ''),
            case
                when regexp_full_match(contacts[1].profile.country_code, '[A-Z]{2}')
                    then contacts[1].profile.country_code
            end
        )
    end as country,
    case when number is not null then coalesce(heads.prefix, '*') end as prefix,
    key_of(
        'group',
        case
            when direction = 'inbound' then item.group_id
            when item.recipient_type = 'group' then item.recipient_id
        end
    ) as group_key,
    case
        when names_conversation
            then key_of('conversation', concat(sender_id, chr(31), item.conversation.id))
    end as conversation_key,
    case when names_conversation then item.conversation.origin.type end as conversation_origin,
    case
        when names_conversation
            then instant_of(try_cast(item.conversation.expiration_timestamp as bigint))
    end as conversation_expires_at,
    nullif(item.pricing.pricing_model, '') as pricing_model,
    nullif(item.pricing.type, '') as pricing_type,
    nullif(item.pricing.subtype, '') as pricing_subtype,
    nullif(replace(item.pricing.category, '-', '_'), '') as category,
    try_cast(item.pricing.billable as boolean) as billable,
    try_cast(item.errors[1].code as integer) as error_code,
    nullif(item.referral.source_type, '') as referral_source,
    key_of('referral', nullif(item.referral.source_id, '')) as referral_key
from judged
left join heads on heads.head = head_of(number)
