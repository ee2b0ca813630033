-- One row per message of the history of a number that joins with its phone app, months old: with
-- some contacts of the log, and some strangers.
create or replace table history_message as
with remembered as (
    select
        sender.*, relation_no, has_no_number,
        number_of(prefix, local, 0) as number,
        row_number() over (partition by sender_no order by relation_no) as contact_no
    from relation join sender using (sender_no)
    where is_new_with_app and not has_no_number
        and (relation_no < 20000 or relation_no >= getvariable('relation_count'))
)
select
    *,
    draw('history', sender_no * 1000 + contact_no * 8 + message_no) as h,
    getvariable('begin_s') - (20 + contact_no * 5) * 86400 + message_no * 300 as at_s
from remembered, unnest(range(2 + relation_no % 4)) as messages(message_no)
where contact_no <= 30;

-- One row per payload that is about no message: what the network tells of an account, and
-- histories. `notice_no` orders those of one second.
create or replace table notice as
with history_thread as (
    select
        sender_no, waba_id, sender_id, display_phone_number, contact_no // 8 as part_no,
        contact_no,
        '{"id":"' || number || '","messages":[' || string_agg(
            '{"from":"' || if(message_no % 2 = 0, number, display_phone_number)
            || '","id":"' || wamid_of(number, 100000000000 + sender_no * 1000 + contact_no * 8
                + message_no, if(message_no % 2 = 0, 18, 17))
            || '","timestamp":"' || at_s || '","type":"'
            || if(part(h, 0, 4) = 0, 'media_placeholder"', 'text","text":{"body":"As we said."}')
            || ',"history_context":{"status":"'
            || pick(['READ', 'DELIVERED', 'PLAYED', 'SENT'], part(h, 1, 4)) || '"}}',
            ',' order by message_no) || ']}' as thread
    from history_message
    group by sender_no, waba_id, sender_id, display_phone_number, contact_no, number
),
history as (
    select
        getvariable('begin_s') + 600 + part_no * 60 as at_s,
        'history ' || sender_no || ' ' || part_no as name,
        payload_json(waba_id, change_json('history', display_phone_number, sender_id,
            ',"history":[{"metadata":{"phase":0,"chunk_order":' || (part_no + 1) || ',"progress":'
            || least(100, 25 * (part_no + 1)) || '},"threads":['
            || string_agg(thread, ',' order by contact_no) || ']}]')) as line
    from history_thread
    group by sender_no, waba_id, sender_id, display_phone_number, part_no
),
-- One row per event of an account: when, whose, and the value of its change.
account_event as (
    -- Which volume tier an account has reached; the largest reach one, and hear of it twice.
    select
        getvariable('begin_s') + (9 + waba_no % 13 + copy_no) * 86400 + waba_no % 80000 as at_s,
        'tier ' || waba_no || ' ' || copy_no as name, waba_id as entry_id,
        'account_update' as field,
        '{"event":"VOLUME_BASED_PRICING_TIER_UPDATE","volume_tier_info":{"tier_update_time":'
        || at_s || ',"pricing_category":"' || pick(['UTILITY', 'AUTHENTICATION'], waba_no)
        || '","tier":"' || pick(['100001:1000000', '80001:750000', '300001:2000000'], waba_no)
        || '","effective_month":"' || getvariable('month') || '","region":"'
        || pick(['India', 'North America', 'Brazil', 'Indonesia'], account_no) || '"}}' as value
    from waba, range(2) as copies(copy_no)
    where account_no <= 8

    union all
    -- Who is charged for authentication from abroad learned of it in an earlier month; a few others
    -- do now, for the next one.
    select
        getvariable('begin_s') + 2 * 86400 + waba_no % 80000 as at_s,
        'international ' || waba_no, waba_id, 'account_update',
        '{"event":"AUTH_INTL_PRICE_ELIGIBILITY_UPDATE","auth_international_rate_eligibility":{'
        || '"start_time":' || (at_s + if(is_auth_international, -35, 30) * 86400)
        || ',"exception_countries":[{"country_code":"ID","start_time":'
        || (at_s + if(is_auth_international, -35, 60) * 86400) || '}]}}'
    from waba
    where draw('international', waba_no) % if(is_auth_international, 2, 40) = 0

    union all
    select
        getvariable('begin_s') + 5 * 86400 + waba_no % 80000 as at_s,
        'location ' || waba_no, waba_id, 'account_update',
        '{"event":"BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE","country":"' || account_country || '"}'
    from waba where draw('location', waba_no) % 50 = 0

    union all
    -- An account that left the seller: the entry names the seller's portfolio.
    select
        getvariable('begin_s') + (25 + waba_no % 3) * 86400 + waba_no % 80000 as at_s,
        'removed ' || waba_no, '300000000000001', 'account_update',
        '{"event":"PARTNER_REMOVED","waba_info":{"waba_id":"' || waba_id
        || '","owner_business_id":"' || (310000000000000 + account_no) || '"}}'
    from waba where is_removed

    union all
    select
        getvariable('begin_s') + 12 * 86400 + waba_no % 80000 as at_s,
        'disabled ' || waba_no, waba_id, 'account_update',
        '{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE","waba_ban_date":"'
        || strftime(make_timestamp(at_s * 1000000), '%B %-d, %Y') || '"}}'
    from waba where draw('disabled', waba_no) % 300 = 0

    union all
    -- The category of a template changes: announced a week before, then done.
    select
        if(step = 0, recategorised_s - 7 * 86400, recategorised_s),
        'template ' || waba_no || ' ' || step, waba_id, 'template_category_update',
        '{"message_template_id":' || (400000000000 + waba_no)
        || ',"message_template_name":"winback_offer","message_template_language":"en"'
        || if(step = 0,
            ',"new_category":"UTILITY","correct_category":"MARKETING","category_update_timestamp":'
            || recategorised_s,
            ',"previous_category":"UTILITY","new_category":"MARKETING"') || '}'
    from waba, range(2) as steps(step)
    where recategorised_s is not null

    union all
    -- A kind that nothing is made of.
    select
        getvariable('begin_s') + 8 * 86400 + waba_no % 80000 as at_s,
        'quality ' || waba_no, waba_id, 'business_capability_update',
        '{"max_daily_conversation_per_phone":100000,"max_phone_numbers_per_business":20}'
    from waba where draw('quality', waba_no) % 60 = 0
)
select
    line, at_s as arrival, row_number() over (order by at_s, name) as notice_no,
    split_part(name, ' ', 1) as what
from (
    select at_s, name, line from history
    union all
    select
        at_s, name,
        '{"object":"whatsapp_business_account","entry":[{"id":"' || entry_id || '","time":' || at_s
        || ',"changes":[{"value":' || value || ',"field":"' || field || '"}]}]}'
    from account_event
);
