-- The documents, version 4: who caused a detail, where lines are shown by sender.
alter table details add column sender_id varchar;
