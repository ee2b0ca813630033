-- One row per pair of a sender and a contact; those behind `relation_count` never meet in the log.
create or replace table relation as
with drawn as (
    select
        relation_no,
        (draw('relation', relation_no) % (select sum(weight) from sender))::bigint as weight_at,
        draw('contact', relation_no) as c
    from range(getvariable('relation_count') + getvariable('stranger_count'))
        as numbers(relation_no)
)
select
    relation_no, sender_no, c,
    case when part(c, 0, 100) < 45 then home_place.account_country end as near_country,
    coalesce(near_country, place_country) as country,
    if(near_country is null, place_prefix, home_prefix) as prefix,
    lpad(((relation_no * 7654321 + getvariable('seed')) % 10000000)::varchar, 7, '0') as local,
    part(c, 1, 25) = 0 as has_no_number
from drawn
asof join sender on drawn.weight_at >= sender.weight_before
left join home_place using (account_country)
join place_at
    on place_at.roll = part(draw('place', relation_no), 0, (select count(*) from place_at));
