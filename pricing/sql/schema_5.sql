-- The documents, version 5: what came back to a prepaid credit, since a document that it paid was credited or void.
alter table credit_ledger add column restored_minor bigint default 0;
