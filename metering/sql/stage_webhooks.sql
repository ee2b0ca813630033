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
        status_count + message_count as item_count,
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
        item_count = 0 or error_count > 0 or has_kept_rest as has_rest,
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
        ) end as rest
    from counted
),
-- Statuses and messages stand side by side, each in its own columns. Where a change has both, the
-- messages come after the statuses; a null behind the last item stands for the rest of the change.
items as (
    select
        * exclude (value),
        coalesce(nullif(value.metadata.phone_number_id, ''), default_sender) as sender_id,
        value.contacts as contacts,
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
                when has_rest or item_count != 1 then range(1, 1 + item_count + has_rest::integer)
                else [1]
            end
        ) as item_no
    from shaped
),
-- From here on each fact is a column: a structure that goes through a case is copied as a whole.
known as (
    select
        * exclude (status, message),
        item_no > item_count as is_rest,
        item_no > status_count as is_message,
        status is null and message is null as is_null,
        coalesce(status.id, message.id) as item_id,
        coalesce(status.timestamp, message.timestamp) as written_at,
        status.status as status,
        status.type as status_type,
        status.recipient_id as recipient_id,
        status.recipient_user_id as recipient_user_id,
        status.recipient_type as recipient_type,
        status.recipient_participant_id as participant_id,
        status.recipient_participant_user_id as participant_user_id,
        status.conversation.id as conversation_id,
        status.conversation.expiration_timestamp as expires_at,
        status.conversation.origin.type as origin,
        status.pricing.pricing_model as pricing_model,
        status.pricing.type as pricing_type,
        status.pricing.subtype as pricing_subtype,
        status.pricing.category as category,
        status.pricing.billable as billable,
        status.pricing.cost as cost,
        status.errors[1].code as error_code,
        message.type as message_type,
        message.from as from_id,
        message.from_user_id as from_user_id,
        message.group_id as group_id,
        message.referral.source_type as referral_source,
        message.referral.source_id as referral_id,
        message.system as system,
        case
            when item_count = 1 and len(contacts) = 1 then 1
            -- An item that names nobody is about the only contact there is.
            when
                len(contacts) = 1
                and coalesce(status.recipient_id, '') = ''
                and coalesce(status.recipient_user_id, '') = ''
                and coalesce(message.from, '') = ''
                and coalesce(message.from_user_id, '') = ''
                then 1
            else list_position(
                list_transform(
                    contacts,
                    lambda c: c.wa_id in (
                        status.recipient_id, status.recipient_participant_id, message.from
                    )
                    or c.user_id in (
                        status.recipient_user_id, status.recipient_participant_user_id,
                        message.from_user_id
                    )
                ),
                true
            )
        end as contact_no
    from items
),
timed as (
    select
        * exclude (contacts),
        contacts[contact_no].wa_id as contact_wa_id,
        contacts[contact_no].user_id as contact_user_id,
        contacts[contact_no].profile.country_code as contact_country,
        case
            when is_message then 'inbound' when status_type = 'call' then 'call' else 'outbound'
        end as direction,
        -- Digits alone, or with a fraction; what is written otherwise is no number of seconds.
        case
            when length(written_at) = 10 and try_cast(written_at as bigint)::varchar = written_at
                then try_cast(written_at as bigint)
            when contains(written_at, '.')
                then try_cast(regexp_extract(written_at, '^(-?[0-9]+)\.[0-9]+$', 1) as bigint)
            when regexp_full_match(written_at, '-?[0-9]+') then try_cast(written_at as bigint)
        end as seconds,
        case
            when is_message then from_id
            when recipient_type = 'group' then participant_id
            when recipient_id != '' then recipient_id
            else contacts[contact_no].wa_id
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
        and (is_message or status != '') as is_event,
        case
            when regexp_full_match(number_or_id, '\+?[0-9]{7,15}')
                then case
                    when starts_with(number_or_id, '+') then number_or_id[2:] else number_or_id
                end
            -- A number that is written for people; a user id has letters.
            when regexp_full_match(number_or_id, '[0-9 ().+-]+') then nullif(regexp_extract(
                regexp_replace(number_or_id, '[ ().-]', '', 'g'), '^\+?([0-9]{7,15})$', 1
            ), '')
        end as number
    from timed
),
judged as (
    select
        *,
        coalesce(
            nullif(
                case
                    when is_message then from_user_id
                    else coalesce(participant_user_id, recipient_user_id)
                end,
                ''
            ),
            case
                when coalesce(contact_wa_id, '') in ('', number_or_id)
                    then nullif(contact_user_id, '')
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
            when is_null then 'item is not an object'
            when nullif(item_id, '') is null then 'message id is missing'
            when not is_message and nullif(status, '') is null then 'status is missing'
            when sender_id is null then 'sender is missing'
            when nullif(written_at, '') is null then 'timestamp is missing'
            else time_problem(seconds)
        end as reason,
        -- Under per-message pricing the id names one message, unless the entry point was free.
        conversation_id != ''
        and (
            pricing_model is distinct from 'PMP'
            or pricing_type = 'free_entry_point'
            or origin = 'referral_conversion'
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
        item_no: item_no - case when is_message then status_count else 0 end,
        array_name: case when is_rest then null when is_message then 'messages' else 'statuses' end,
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
            when is_message then message_type
            when recipient_type = 'group'
                then coalesce(nullif(participant_id, ''), participant_user_id)
        end
    ) as message_key,
    direction,
    case direction
        when 'outbound' then status when 'call' then lower(status) else 'received'
    end as status,
    case direction
        when 'outbound' then status_type when 'inbound' then message_type
    end as message_type,
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
            case when regexp_full_match(contact_country, '[A-Z]{2}') then contact_country end
        )
    end as country,
    case when number is not null then coalesce(heads.prefix, '*') end as prefix,
    key_of(
        'group',
        case when is_message then group_id when recipient_type = 'group' then recipient_id end
    ) as group_key,
    case
        when names_conversation
            then key_of('conversation', concat(sender_id, chr(31), conversation_id))
    end as conversation_key,
    case when names_conversation then origin end as conversation_origin,
    case when names_conversation then instant_of(try_cast(expires_at as bigint)) end
        as conversation_expires_at,
    nullif(pricing_model, '') as pricing_model,
    nullif(pricing_type, '') as pricing_type,
    nullif(pricing_subtype, '') as pricing_subtype,
    nullif(replace(category, '-', '_'), '') as category,
    try_cast(billable as boolean) as billable,
    -- What the network says that this message costs; an amount that is no number stays as it is.
    case
        when cost is not null
            then coalesce(upper(cost ->> '$.currency'), '?') || ' ' || coalesce(
                try_cast(cost ->> '$.amount' as decimal(38, 8))::varchar,
                nullif(cost ->> '$.amount', '')
            )
    end as reported_cost,
    try_cast(error_code as integer) as error_code,
    nullif(referral_source, '') as referral_source,
    key_of('referral', nullif(referral_id, '')) as referral_key,
    -- A system message says the new number of somebody who had another.
    case
        when system is not null then key_of('contact', nullif(regexp_extract(
            coalesce(system ->> '$.wa_id', system ->> '$.new_wa_id'),
            '^\+?([0-9]{7,15})$', 1
        ), ''))
    end as linked_key,
    case when direction = 'outbound' then key_of('message', item_id) end as id_key
from judged
left join heads on heads.head = head_of(number)
