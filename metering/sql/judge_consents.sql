-- One row for each account, sender, category and outcome of the messages that the business began. The
-- latest consent at or before a message's first report counts; of two at one instant, the opting out.
with latest as (
    select
        whose_initiated.unit_key,
        arg_max(whose_consents.is_in, (whose_consents.instant, not whose_consents.is_in)) as is_in
    from whose_initiated
    join whose_consents
        on whose_consents.sender_id = whose_initiated.sender_id
        and whose_consents.contact = whose_initiated.contact
        and whose_consents.instant <= whose_initiated.instant
        and (
            whose_consents.account_id is null
            or whose_consents.account_id = whose_initiated.account_id
        )
    group by whose_initiated.unit_key
)
select
    nullif(account_id, '') as account,
    sender_id as sender,
    category,
    case
        when category is null then 'category not known'
        when contact is null then 'contact not known'
        when is_in is null then 'never opted in'
        when not is_in then 'opted out'
        else 'opted in'
    end as outcome,
    count(*) as messages,
    count(distinct contact) as contacts,
    list_transform(min(unit_key, getvariable('example_count')), lambda key: printf('%032x', key)) as examples
from whose_initiated
left join latest using (unit_key)
group by all
order by all;
