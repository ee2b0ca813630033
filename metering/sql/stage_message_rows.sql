-- One row for each row of a table of message events, of what was sent, or of consents: an event, or
-- set aside with its reason.
insert into staged by name
with numbered as (
    select
        *,
        coalesce(lower(direction), 'outbound') as way,
        -- In E.164, however it is written; a number without its country code is unknown.
        nullif(
            regexp_extract(
                regexp_replace(recipient, '[ ().-]', '', 'g'), '^(?:\+|00)?([1-9][0-9]{6,14})$', 1
            ),
            ''
        ) as number,
        case
            when problem is not null then problem
            when coalesce(lower(direction), 'outbound') not in ('outbound', 'inbound', 'send', 'consent')
                then 'direction is not one that is known'
            when message_id is null and coalesce(lower(direction), '') != 'consent'
                then 'message id is missing'
            when sender_id is null and coalesce(lower(direction), 'outbound') in ('outbound', 'inbound')
                then 'sender is missing'
            when lower(direction) = 'consent' and recipient is null and user_id is null
                then 'contact is missing'
            when
                lower(direction) = 'consent'
                and coalesce(lower(status), '') not in ('opted_in', 'opted_out')
                then 'consent is neither opted_in nor opted_out'
            when lower(direction) = 'send' and category is null then 'category is missing'
            when status is null and coalesce(lower(direction), 'outbound') = 'outbound'
                then 'status is missing'
            when occurred_at is null then 'timestamp is missing'
            when instant is null and (getvariable('is_epoch') or try_cast(occurred_at as bigint) is not null)
                then coalesce(
                    time_problem(try_cast(occurred_at as bigint)),
                    'timestamp is not in the format of the mapping'
                )
            when instant is null then 'timestamp is not in the format of the mapping'
            when instant < '2009-01-01' then 'timestamp is before 2009'
            when instant >= '2100-01-01' then 'timestamp is after 2099'
            when country is not null and not regexp_full_match(country, '[A-Z]{2}')
                then 'country is not two letters'
        end as reason
    from message_row
)
select
    1 as file_no,
    case when reason is not null then to_json({
        line: line,
        payload_no: null,
        entry_no: 1,
        change_no: 1,
        item_no: 1,
        array_name: null,
        reason: reason,
        ignored: null,
        error_count: 0,
        raw: coalesce(row_text, cells)
    }) end as aside,
    case way
        when 'send' then key_of('message', message_id)
        when 'consent' then md5_number(concat(
            getvariable('hash_key'), 'consent', chr(31), sender_id, chr(31), coalesce(number, recipient),
            chr(31), user_id, chr(31), epoch_us(instant), chr(31), lower(status)
        ))
        else message_key_of(
            channel, way, sender_id, message_id, case when way = 'inbound' then message_type end
        )
    end as message_key,
    way as direction,
    case way when 'inbound' then 'received' when 'send' then 'send' else lower(status) end as status,
    message_type,
    instant as occurred_at,
    channel,
    sender_id,
    waba_id,
    key_of('contact', number) as contact_key,
    key_of(
        'user',
        coalesce(
            user_id,
            case when number is null and regexp_matches(recipient, '[A-Za-z]') then recipient end
        )
    ) as user_key,
    case when number is not null then heads.country else numbered.country end as country,
    case when number is not null then coalesce(heads.prefix, '*') end as prefix,
    pricing_model,
    pricing_type,
    replace(category, '-', '_') as category,
    try_cast(billable as boolean) as billable,
    try_cast(error_code as integer) as error_code,
    entry_point as referral_source,
    template as data,
    case when way = 'outbound' then key_of('message', message_id) end as id_key
from numbered
left join heads on heads.head = head_of(number);
