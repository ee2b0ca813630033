-- One row per CloudEvent: devices that are linked and unlinked, clicks on links, seats.
with drawn as (
    select
        event_no,
        draw('cloudevent', event_no) as c,
        account_no, account_id
    from range(getvariable('event_count')) as numbers(event_no)
    join account on account_no
        = 1 + (draw('cloudevent account', event_no) % getvariable('account_count'))::bigint
),
typed as (
    select *,
        pick(['device.linked', 'device.linked', 'device.unlinked', 'link.clicked', 'link.clicked',
              'link.clicked', 'link.clicked', 'link.clicked', 'seat.added', 'seat.removed'],
             part(c, 0, 10)) as type,
        getvariable('begin_s') + event_no * getvariable('span_s') // getvariable('event_count')
            as at_s
    from drawn
),
repeated as (
    select typed.*, copy_no, at_s + if(part(c, 2, 50) = 0, part(c, 3, 40000), 0) as arrival
    from typed, unnest(range(if(part(c, 1, 60) = 0, 2, 1))) as copies(copy_no)
)
select
    '{"specversion":"1.0","id":"' || md5(getvariable('seed') || ':cloudevent:' || event_no)
    || '","source":"/console","type":"com.tollbook.' || type || '","subject":"' || account_id
    || '","time":"' || strftime(make_timestamp(at_s * 1000000), '%Y-%m-%dT%H:%M:%SZ')
    || '","datacontenttype":"application/json","data":{'
    || case split_part(type, '.', 1)
        when 'device' then '"device_id":"device-' || account_no || '-' || part(c, 3, 10) || '"'
        when 'link' then '"link_id":"link-' || account_no || '-' || part(c, 3, 5) || '"'
        else '"seat_id":"seat-' || account_no || '-' || part(c, 3, 20) || '"'
    end || '}}' as line
from repeated
order by arrival + copy_no * 3000, event_no, copy_no
