-- One row for each period with invoices: a digest that changes when any of them does.
select
    period,
    concat(count(*), ' ', bit_xor(hash(invoices))) as digest
from invoices
group by period
order by period
