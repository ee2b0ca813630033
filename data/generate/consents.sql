-- One row per CloudEvent of a contact who asks a sender to write, or no more to.
with asked as (
    select
        sender_id, relation_no, has_no_number,
        draw('consenting', relation_no) as c,
        if(part(c, 0, 10) = 0, '+', '') || number_of(prefix, local, 0) as number
    from relation join sender using (sender_no)
    where has_consents and not has_no_number and relation_no < getvariable('relation_count')
        and part(c, 1, 100) < 97
),
dated as (
    -- Most asked long ago, some in the month; some took it back.
    select asked.*, type, copy_no,
        case
            when type = 'opted_out' then getvariable('begin_s') + part(c, 3, 30) * 86400 + 43200
            when part(c, 1, 100) < 90
                then getvariable('begin_s') - (1 + part(c, 3, 600)) * 86400 + relation_no % 80000
            else getvariable('begin_s') + part(c, 3, 20) * 86400 + relation_no % 80000
        end as at_s
    from asked
    join (values ('opted_in'), ('opted_out')) as types(type)
        on type = 'opted_in' or part(c, 2, 100) < 4 and part(c, 1, 100) < 90,
    unnest(range(if(part(c, 2, 100) = 50, 2, 1))) as copies(copy_no)
)
select
    '{"specversion":"1.0","id":"' || md5(getvariable('seed') || ':' || type || ':' || relation_no)
    || '","source":"/sign-up","type":"com.tollbook.consent.' || type || '","subject":"' || sender_id
    || '","time":"' || strftime(make_timestamp(at_s * 1000000), '%Y-%m-%dT%H:%M:%SZ')
    || '","datacontenttype":"application/json","data":{"contact":"' || number || '"}}' as line
from dated
order by at_s, relation_no, type, copy_no
