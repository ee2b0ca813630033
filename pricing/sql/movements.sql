-- One row is a thing that changes what an account owes: a document, or what is paid, refunded, written off or void.
-- Amounts are signed from the seller's side: what is owed is their sum. The document of a credit note that credits an
-- invoice is that invoice; what is on account is of none. A total is what a document comes to before prepaid credits.
with voided as (
    select object as invoice_id, max(timezone($zone, happened_at))::date as voided_on
    from trail
    where action = 'invoice.voided'
    group by object
),

issued_documents as (
    select
        coalesce(credits_invoice_id, invoice_id) as document_id,
        invoice_id as movement_id,
        account_id,
        currency,
        kind,
        case when credits_invoice_id is null then 'due' else 'credited' end as part,
        number,
        '' as reference,
        issue_date as booked_on,
        due_minor as amount_minor,
        total_minor,
        state
    from invoices
    where state in ('issued', 'void')
),

opened as (
    select
        document_id,
        document_id as movement_id,
        account_id,
        currency,
        kind,
        'due' as part,
        number,
        'taken over' as reference,
        issue_date as booked_on,
        open_minor as amount_minor,
        open_minor as total_minor
    from opening_documents
),

numbers as (
    select document_id, number from opened
    union all
    select movement_id, number from issued_documents
),

settled as (
    select
        document_id,
        payment_id as movement_id,
        account_id,
        currency,
        kind,
        case when kind in ('write_off', 'write_off_undone') then 'written_off' else 'paid' end as part,
        number,
        reference,
        paid_on as booked_on,
        -amount_minor as amount_minor,
        0 as total_minor
    from payments
    left join numbers using (document_id)
)

select * exclude (state) from issued_documents
union all by name
select
    * exclude (state, voided_on, invoice_id)
    replace (
        'void' as kind,
        greatest(booked_on, coalesce(voided_on, booked_on)) as booked_on,
        -amount_minor as amount_minor,
        -total_minor as total_minor
    )
from issued_documents
left join voided on voided.invoice_id = movement_id
where state = 'void'
union all by name
select * from opened
union all by name
select * from settled
order by account_id, currency, booked_on, movement_id, kind
