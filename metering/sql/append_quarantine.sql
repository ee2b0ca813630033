-- What could not be used, with its place and a text that can be tried again by itself: an item
-- stands in an envelope of its own. Table `places` says the line of an ordinal in the file.
insert into quarantine
with refused as (
    select
        file_no,
        aside,
        sender_id,
        waba_id,
        concat('$.entry[', aside.entry_no - 1, ']') as entry_path,
        concat('$.entry[', aside.entry_no - 1, '].changes[', aside.change_no - 1, ']') as change_path
    from asides
    where aside.reason is not null
),
found as (
    select
        *,
        case when aside.array_name is not null then json_extract(aside.raw, change_path) end as change,
        case
            when aside.item is not null then aside.item
            when aside.array_name is not null then json_extract(
                aside.raw,
                concat(change_path, '.value.', aside.array_name, '[', aside.item_no - 1, ']')
            )
        end as item
    from refused
)
select
    (select coalesce(max(quarantine_id), 0) from quarantine)
    + row_number() over (
        order by
            found.file_no, aside.line, aside.payload_no, aside.entry_no, aside.change_no, aside.array_name,
            aside.item_no, aside.reason
    ) as quarantine_id,
    arrivals.load_id,
    arrivals.name,
    $format as format,
    $mapping as mapping,
    case when arrivals.has_lines then coalesce(places.line, aside.line) end as line,
    nullif(concat_ws(
        ', ',
        'payload ' || coalesce(
            aside.payload_no, case when not arrivals.has_lines then aside.line end
        ),
        case when aside.array_name is not null or aside.entry_no > 1 then 'entry ' || aside.entry_no end,
        case when aside.array_name is not null or aside.change_no > 1 then 'change ' || aside.change_no end,
        aside.array_name || ' ' || aside.item_no
    ), '') as position,
    aside.reason as reason,
    sender_id,
    case
        when item is not null then json_object(
            'object', 'whatsapp_business_account',
            'entry', json_array(json_object(
                'id', waba_id,
                'changes', json_array(json_object(
                    'field', json_extract(change, '$.field'),
                    'value', json_object(
                        'metadata', coalesce(
                            json_extract(change, '$.value.metadata'),
                            case
                                when sender_id is not null
                                    then json_object('phone_number_id', sender_id)
                            end
                        ),
                        'contacts', json_extract(change, '$.value.contacts'),
                        aside.array_name, json_array(item)
                    )
                ))
            ))
        )::varchar
        else aside.raw
    end as raw,
    $now as quarantined_at
from found
join arrivals on arrivals.file_no = found.file_no
left join refused_places as places
    on places.file_no = found.file_no and places.ordinal = aside.line;
