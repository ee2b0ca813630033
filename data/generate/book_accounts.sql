-- One row per account and day from which its facts hold.
select
    account_id,
    if(version = 1, date '2024-01-01', getvariable('first_day') + 14)::date as effective_from,
    name,
    name || case when currency = 'EUR' then ' GmbH' when country in ('GB', 'IN') then ' Ltd'
        else ' Inc.' end as legal_name,
    country, currency, time_zone, employee_count,
    case when employee_count >= 250 then 'enterprise' when employee_count >= 50 then 'mid-market'
        else 'small' end as segment,
    case when part(d, 0, 7) = 0 then 'group-' || lower(currency) || '-' || account_no // 40 end
        as portfolio_id,
    case when currency = 'EUR' then country || (100000000 + d % 900000000) end as vat_id,
    (1 + part(d, 1, 200)) || ' ' || pick(['Market Street', 'Station Road', 'Harbor Lane',
        'Garden Way'], part(d, 2, 4) + if(version = 2, 1, 0)) as address_line_1,
    (10000 + part(d, 3, 60000))::varchar as postal_code,
    replace(split_part(time_zone, '/', 2), '_', ' ') as city,
    'billing@' || account_id || '.example' as email,
    if(part(e, 0, 3) = 0, 14, 30) as payment_terms_days,
    language,
    if(employee_count >= 250, 'PO-' || (100000 + e % 900000), null) as buyer_reference,
    case when account_no <= 20 or part(e, 1, 100) > 1 then 'customer'
        when part(e, 1, 100) = 1 then 'internal' else 'test' end as purpose
from account,
    -- One in a hundred moves house in the middle of the month.
    unnest(range(1, if(part(e, 2, 100) = 7, 3, 2))) as versions(version)
order by account_no, version
