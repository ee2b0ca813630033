-- One row for each waba that may pay the international rate of authentication: from when, and from
-- when in the countries that are excepted. The latest notice counts.
select
    waba_id,
    instant_of(
        try_cast(data ->> '$.auth_international_rate_eligibility.start_time' as bigint)
    ) as start_at,
    list_transform(
        coalesce(
            from_json(
                json_extract(data, '$.auth_international_rate_eligibility.exception_countries'),
                '[{"country_code": "VARCHAR", "start_time": "VARCHAR"}]'
            ),
            []
        ),
        lambda e: {country: e.country_code, start_at: instant_of(try_cast(e.start_time as bigint))}
    ) as exceptions,
    occurred_at as noticed_at
from events
where direction = 'account' and status = 'AUTH_INTL_PRICE_ELIGIBILITY_UPDATE'
qualify row_number() over (partition by waba_id order by occurred_at desc, message_key desc) = 1
order by waba_id;
