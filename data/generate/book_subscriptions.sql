-- One row per account, plan and stretch of time.
select
    account_id,
    if(has_changed_plan and part_no = 0, 'sample-pay-as-you-go', plan) as plan,
    case
        when part_no = 1 then getvariable('first_day') + 14
        -- Who has no number yet began in the middle of the month, and before a change of plan.
        when sender_count = 0
            then getvariable('first_day') + least(part(d, 3, 20)::integer, if(has_changed_plan, 13, 31))
        else date '2025-07-01'
    end::date as effective_from,
    if(has_changed_plan and part_no = 0, getvariable('first_day') + 14, null)::date as effective_to
from account, unnest(range(if(has_changed_plan, 2, 1))) as parts(part_no)
order by account_no, part_no
