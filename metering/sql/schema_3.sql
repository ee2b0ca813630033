-- The store, version 3: what the network reports that a message costs, like 'USD 0.05210000'. Reports
-- that were loaded before are without it.
alter table events add column reported_cost varchar;
alter table deliveries add column pricing.reported_cost varchar;
