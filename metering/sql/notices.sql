-- One row for each notice of the network and account that it is about: the owner of its waba, else the
-- owners of the senders that were seen with it; one with no account where there are none.
create or replace temp macro words_of(instant) as strftime(instant, '%Y-%m-%dT%H:%M:%SZ');

create or replace temp macro seconds_in(data, path) as
    instant_of(try_cast(json_extract_string(data, path) as bigint));

create or replace temp macro template_in(data) as
    'template "' || (data ->> '$.message_template_name') || '"'
    || coalesce(' (' || (data ->> '$.message_template_language') || ')', '') || ': ';

with notices as (
    select message_key, occurred_at, waba_id, status, data
    from events
    where direction = 'account'
),
waba_senders as (
    select distinct waba_id, sender_id
    from deliveries
    where waba_id in (select waba_id from notices)
),
owned as (
    select notices.message_key, owners.account_id, true as is_of_waba
    from notices
    join owners on owners.waba_id = notices.waba_id
    where notices.occurred_at >= owners.start_at and notices.occurred_at < owners.end_at
    union
    select notices.message_key, owners.account_id, false as is_of_waba
    from notices
    join waba_senders on waba_senders.waba_id = notices.waba_id
    join owners on owners.sender_id = waba_senders.sender_id
    where notices.occurred_at >= owners.start_at and notices.occurred_at < owners.end_at
),
owning as (
    select message_key, account_id
    from owned
    qualify is_of_waba or not bool_or(is_of_waba) over (partition by message_key)
)
select
    notices.occurred_at as at,
    notices.waba_id as waba,
    owning.account_id as account,
    notices.status as what,
    coalesce(
        case notices.status
            when 'VOLUME_BASED_PRICING_TIER_UPDATE' then
                (data ->> '$.volume_tier_info.region')
                || ' ' || lower(data ->> '$.volume_tier_info.pricing_category')
                || ': messages '
                || replace(replace(data ->> '$.volume_tier_info.tier', ':MAX', ' and on'), ':', ' to ')
                || ' of ' || (data ->> '$.volume_tier_info.effective_month')
                || ', reached at ' || words_of(seconds_in(data, '$.volume_tier_info.tier_update_time'))
            when 'AUTH_INTL_PRICE_ELIGIBILITY_UPDATE' then
                'international rate of authentication from '
                || words_of(seconds_in(data, '$.auth_international_rate_eligibility.start_time'))
                || coalesce('; ' || list_aggregate(
                    list_transform(
                        from_json(
                            json_extract(data, '$.auth_international_rate_eligibility.exception_countries'),
                            '[{"country_code": "VARCHAR", "start_time": "VARCHAR"}]'
                        ),
                        lambda e: e.country_code || ' from '
                            || words_of(instant_of(try_cast(e.start_time as bigint)))
                    ),
                    'string_agg',
                    ', '
                ), '')
            when 'PARTNER_REMOVED' then 'the business removed its partner'
            when 'DISABLED_UPDATE' then coalesce(
                lower(replace(data ->> '$.ban_info.waba_ban_state', '_', ' '))
                || coalesce(', ' || (data ->> '$.ban_info.waba_ban_date'), ''),
                'a ban of the account changed'
            )
            when 'BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE' then 'based in ' || (data ->> '$.country')
            when 'template_category_update' then template_in(data) || coalesce(
                lower(data ->> '$.new_category') || ' is to become ' || lower(data ->> '$.correct_category')
                || coalesce(' on ' || words_of(seconds_in(data, '$.category_update_timestamp')), ''),
                coalesce(lower(data ->> '$.previous_category') || ' is now ', 'is now ')
                || lower(data ->> '$.new_category')
            )
        end,
        data
    ) as details
from notices
left join owning using (message_key)
order by notices.occurred_at, notices.message_key, account;
