-- One row for each delivery of the month, with our opinion of its category where the network said from
-- when a waba pays the international rate of authentication. That rate is for messages to markets that
-- have one, other than where the business is located: by the network's word, else by accounts.csv.
create or replace temp view eligible_deliveries as
with located as (
    select waba_id, occurred_at, message_key, data ->> '$.country' as country
    from events
    where direction = 'account' and status = 'BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE'
    qualify row_number() over (
        partition by waba_id, occurred_at order by message_key desc
    ) = 1
),
placed as (
    select
        counted.*,
        coalesce(
            list_filter(eligible_wabas.exceptions, lambda e: e.country = counted.country)[1].start_at,
            eligible_wabas.start_at
        ) as international_at,
        coalesce(located.country, homes.country) as home_country,
        exists (
            from international_rates
            where
                international_rates.market = counted.market
                and counted.rate_date >= international_rates.card_from
                and counted.rate_date < international_rates.card_to
        ) as has_international_rate
    from counted
    left join eligible_wabas on eligible_wabas.waba_id = counted.waba_id
    asof left join located
        on located.waba_id = counted.waba_id and located.occurred_at <= counted.counted_at
    left join homes on homes.account_id = counted.account_id
)
select
    * exclude (our_category),
    case
        when our_category = 'authentication_international' and counted_at < international_at
            then 'authentication'
        when our_category = 'authentication'
            and counted_at >= international_at
            and has_international_rate
            and home_country != country
            then 'authentication_international'
        else our_category
    end as our_category
from placed;
