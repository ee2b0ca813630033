-- One row for each delivery of the month, with the network's opinion, ours, and what becomes of it.
-- The order of the two lists is the rule: a delivery has the first state that fits, and one that
-- differs the first reason.
create or replace temp macro is_free(pricing_type) as
    starts_with(pricing_type, 'free_') or pricing_type in ('exempt', 'paid_exempt');

-- In a group the network has another word for the same.
create or replace temp macro in_one_word(pricing_type) as
    replace(pricing_type, 'free_group_', 'free_');

create or replace temp view judged_deliveries as
with ruled as (
    select
        counted.*,
        audited_senders.is_audited,
        pricing_types.pricing_model as our_model,
        case
            when counted.in_free_entry_point then pricing_types.in_free_entry_point
            when counted.in_service_window then pricing_types.in_service_window
            else pricing_types.outside
        end as ruled_type,
        rule_stretches.tier_start_at is not null
        and not counted.in_free_entry_point
        and list_contains(getvariable('tier_categories'), counted.our_category) as has_tier,
        beyond_free_tier.message_key is not null as is_beyond_tier
    from eligible_deliveries as counted
    join audited_senders using (account_id, sender_id)
    join rule_stretches
        on rule_stretches.account_id = counted.account_id
        and rule_stretches.sender_id = counted.sender_id
        and counted.counted_at >= rule_stretches.start_at
        and counted.counted_at < rule_stretches.end_at
    left join beyond_free_tier
        on beyond_free_tier.account_id = counted.account_id
        and beyond_free_tier.message_key = counted.unit_key
    -- A conversation that was open when prices became those of messages ends by its own rules.
    left join pricing_types
        on pricing_types.category = counted.our_category
        and case
            when counted.network_model = 'CBP'
                then least(rule_stretches.rule_date, getvariable('conversations_until'))
            else rule_stretches.rule_date
        end between pricing_types.effective_from and pricing_types.effective_to - 1
),
typed as (
    select
        *,
        case
            when ruled_type = 'regular' and has_tier and not is_beyond_tier
                then if(starts_with(our_category, 'group_'), 'free_group_', 'free_') || 'customer_service'
            else ruled_type
        end as our_type
    from ruled
),
compared as (
    select
        *,
        is_free(network_type) as is_free_there,
        is_free(our_type) as is_free_here,
        our_category != network_category as is_denied,
        in_one_word(network_type) = in_one_word(our_type)
        or (network_type = 'free_not_billable' and is_free(our_type)) as is_same_type
    from typed
)
select
    *,
    case
        when not is_audited then 'not audited'
        when network_category is null or network_type is null then 'network says nothing'
        when is_same_type and not is_denied then 'agreed'
        else 'differs'
    end as state,
    case
        when is_denied and network_category = 'authentication_international'
            and our_category = 'authentication'
            then 'international authentication, before its start'
        when is_denied and network_category = 'authentication'
            and our_category = 'authentication_international'
            then 'authentication, after the start of the international rate'
        when is_denied then 'category differs from the send log'
        when our_type is null then 'no rule for this category'
        when network_type in ('exempt', 'paid_exempt')
            then 'free, by an exemption that only the network knows'
        when network_type = 'free_entry_point' and not in_free_entry_point
            then 'free entry point, but none is known'
        when not is_free_there and is_free_here and in_free_entry_point
            then 'charged, but inside a free entry point'
        when not is_free_there and is_free_here and has_tier then 'charged, but within the free tier'
        when not is_free_there and is_free_here and in_service_window
            then 'charged, but inside a service window'
        when not is_free_there and is_free_here then 'charged, but free by the rules of that day'
        when is_free_there and not is_free_here and has_tier then 'free service above the free tier'
        when is_free_there and not is_free_here and not in_service_window
            then 'free, but outside any service window'
        when is_free_there and not is_free_here then 'free, but charged by the rules of that day'
        else 'the same charge under another type'
    end as reason
from compared;
