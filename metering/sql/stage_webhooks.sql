-- One row for each item of the payloads in view `payload`: a status, a message, or the rest of a
-- change. `reason` says why an item cannot be used, `ignored` of which ignored kind it is; an item
-- with neither is an event. Nothing is dropped here: a payload without an entry, an entry without
-- a change and a change without items are one row each. The rest of a change (calls, echoes,
-- history, changes of user ids, account events) is rare: it is kept as JSON, and
-- `unfold_rest.sql` makes events of it.
insert into staged by name
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
        entry.time as entry_time,
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
        coalesce(json_array_length(change.value.errors)::bigint, 0) as error_count,
        coalesce(
            change.field in ('account_update', 'template_category_update')
            or json_array_length(change.value.calls) > 0
            or json_array_length(change.value.message_echoes) > 0
            or json_array_length(change.value.user_id_update) > 0
            or len(json_extract(change.value.history, '$[*].threads[*].messages[*]')) > 0,
            false
        ) as has_kept_rest
    from changes
),
shaped as (
    select
        *,
        (status_count = 0) = (message_count = 0) or error_count > 0 or has_kept_rest as has_rest
    from counted
),
-- Statuses and messages stand side by side, each in its own columns. Where a change has both, the
-- messages come after the statuses; a null behind the last item stands for the rest of the change.
items as (
    select
        * exclude (value),
        case when has_kept_rest then json_object(
            'contacts', value.contacts,
            'calls', value.calls,
            'message_echoes', value.message_echoes,
            'history', value.history,
            'user_id_update', value.user_id_update,
            'event', value.event,
            'country', value.country,
            'waba_info', value.waba_info,
            'ban_info', value.ban_info,
            'volume_tier_info', value.volume_tier_info,
            'auth_international_rate_eligibility', value.auth_international_rate_eligibility,
            'message_template_id', value.message_template_id,
            'message_template_name', value.message_template_name,
            'message_template_language', value.message_template_language,
            'previous_category', value.previous_category,
            'new_category', value.new_category,
            'correct_category', value.correct_category,
            'category_update_timestamp', value.category_update_timestamp
        ) end as rest,
        coalesce(nullif(value.metadata.phone_number_id, ''), default_sender) as sender_id,
        -- The only contact is that of the only item; among several it is looked for.
        case
            when len(value.contacts) > 1 or status_count + message_count > 1 then value.contacts
        end as contacts,
        case
            when len(value.contacts) = 1 and status_count + message_count = 1 then value.contacts[1]
        end as contact,
        unnest(value.statuses) as status,
        unnest(
            case
                when status_count > 0 and message_count > 0
                    then list_concat(list_resize([], status_count), value.messages)
                else value.messages
            end
        ) as message,
        unnest(
            case
                when has_rest or status_count + message_count != 1
                    then range(1, 1 + status_count + message_count + has_rest::integer)
                else [1]
            end
        ) as item_no
    from shaped
),
known as (
    select
        * exclude (contact, contacts),
        item_no > status_count + message_count as is_rest,
        case
            when item_no > status_count then 'inbound'
            when status.type = 'call' then 'call'
            else 'outbound'
        end as direction,
        coalesce(status.id, message.id) as item_id,
        coalesce(status.timestamp, message.timestamp) as written_at,
        case
            when contacts is null then contact
            -- An item that names nobody is about the only contact there is.
            when
                len(contacts) = 1
                and coalesce(status.recipient_id, '') = ''
                and coalesce(status.recipient_user_id, '') = ''
                and coalesce(message.from, '') = ''
                and coalesce(message.from_user_id, '') = ''
                then contacts[1]
            else list_filter(
                contacts,
                lambda c: c.wa_id in (
                    status.recipient_id, status.recipient_participant_id, message.from
                )
                or c.user_id in (
                    status.recipient_user_id, status.recipient_participant_user_id,
                    message.from_user_id
                )
            )[1]
        end as contact
    from items
    -- The null behind the items stands for nothing where there is no rest.
    where not (
        item_no > status_count + message_count and item_no > 1
        and error_count = 0 and not has_kept_rest
    )
),
timed as (
    select
        *,
        -- Digits alone, or with a fraction; what is written otherwise is no number of seconds.
        case
            when length(written_at) = 10 and try_cast(written_at as bigint)::varchar = written_at
                then try_cast(written_at as bigint)
            when contains(written_at, '.')
                then try_cast(regexp_extract(written_at, '^(-?[0-9]+)\.[0-9]+$', 1) as bigint)
            when regexp_full_match(written_at, '-?[0-9]+') then try_cast(written_at as bigint)
        end as seconds,
        case
            when direction = 'inbound' then message.from
            when status.recipient_type = 'group' then status.recipient_participant_id
            when status.recipient_id != '' then status.recipient_id
            else contact.wa_id
        end as number_or_id
    from known
),
placed as (
    select
        *,
        -- What every event needs, so that the reasons are gone through for the others alone.
        not is_rest
        and item_id != ''
        and sender_id is not null
        and seconds between 1230768000 and 4102444799
        and (direction = 'inbound' or status.status != '') as is_event,
        case
            when regexp_full_match(number_or_id, '\+?[0-9]{7,15}') then ltrim(number_or_id, '+')
        end as number
    from timed
),
judged as (
    select
        *,
        coalesce(
            nullif(
                case
                    when direction = 'inbound' then message.from_user_id
                    else coalesce(status.recipient_participant_user_id, status.recipient_user_id)
                end,
                ''
            ),
            case
                when coalesce(contact.wa_id, '') in ('', number_or_id)
                    then nullif(contact.user_id, '')
            end,
            case when number is null then nullif(number_or_id, '') end
        ) as user_id,
        case
            when is_event then null
            when is_rest and (error_count > 0 or has_kept_rest) then null
            when is_rest and not has_entry then 'payload has no entries'
            when is_rest and not has_change then 'entry has no changes'
            when is_rest and coalesce(field, 'messages') = 'messages'
                then 'change holds no messages or statuses'
            when is_rest then null
            when status is null and message is null then 'item is not an object'
            when nullif(item_id, '') is null then 'message id is missing'
            when direction != 'inbound' and nullif(status.status, '') is null
                then 'status is missing'
            when sender_id is null then 'sender is missing'
            when nullif(written_at, '') is null then 'timestamp is missing'
            else time_problem(seconds)
        end as reason,
        -- Under per-message pricing the id names one message, unless the entry point was free.
        status.conversation.id != ''
        and (
            status.pricing.pricing_model is distinct from 'PMP'
            or status.pricing.type = 'free_entry_point'
            or status.conversation.origin.type = 'referral_conversion'
        ) as names_conversation
    from placed
)
select
    file_no,
    case when not coalesce(is_event, false) then to_json({
        line: line,
        payload_no: payload_no,
        entry_no: entry_no,
        change_no: change_no,
        item_no: item_no - case when item_no > status_count then status_count else 0 end,
        array_name: case
            when is_rest then null when direction = 'inbound' then 'messages' else 'statuses'
        end,
        reason: reason,
        ignored: case
            when is_rest and error_count = 0 and not has_kept_rest and has_change
                and field != 'messages' then field
        end,
        error_count: case when is_rest then error_count else 0 end,
        raw: raw,
        field: field,
        entry_time: entry_time,
        rest: case when is_rest then rest end
    }) end as aside,
    message_key_of(
        'whatsapp',
        direction,
        sender_id,
        item_id,
        case
            when direction = 'inbound' then message.type
            when status.recipient_type = 'group' then coalesce(
                nullif(status.recipient_participant_id, ''), status.recipient_participant_user_id
            )
        end
    ) as message_key,
    direction,
    case direction
        when 'outbound' then status.status when 'call' then lower(status.status) else 'received'
    end as status,
    case direction when 'outbound' then status.type when 'inbound' then message.type end as message_type,
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
                when regexp_full_match(contact.profile.country_code, '[A-Z]{2}')
                    then contact.profile.country_code
            end
        )
    end as country,
    case when number is not null then coalesce(heads.prefix, '*') end as prefix,
    key_of(
        'group',
        case
            when direction = 'inbound' then message.group_id
            when status.recipient_type = 'group' then status.recipient_id
        end
    ) as group_key,
    case
        when names_conversation
            then key_of('conversation', concat(sender_id, chr(31), status.conversation.id))
    end as conversation_key,
    case when names_conversation then status.conversation.origin.type end as conversation_origin,
    case
        when names_conversation
            then instant_of(try_cast(status.conversation.expiration_timestamp as bigint))
    end as conversation_expires_at,
    nullif(status.pricing.pricing_model, '') as pricing_model,
    nullif(status.pricing.type, '') as pricing_type,
    nullif(status.pricing.subtype, '') as pricing_subtype,
    nullif(replace(status.pricing.category, '-', '_'), '') as category,
    try_cast(status.pricing.billable as boolean) as billable,
    try_cast(status.errors[1].code as integer) as error_code,
    nullif(message.referral.source_type, '') as referral_source,
    key_of('referral', nullif(message.referral.source_id, '')) as referral_key,
    -- A system message says the new number of somebody who had another.
    case
        when message.system is not null then key_of('contact', nullif(regexp_extract(
            coalesce(message.system ->> '$.wa_id', message.system ->> '$.new_wa_id'),
            '^\+?([0-9]{7,15})$', 1
        ), ''))
    end as linked_key,
    case when direction = 'outbound' then key_of('message', item_id) end as id_key
from judged
left join heads on heads.head = head_of(number)
