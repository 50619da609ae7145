-- The role by which dashboards read the collector's database. As the owner of the tables, once they are there:
--   psql --dbname wecall --file role.sql
--   psql --dbname wecall --command '\password wecall_dashboard'
--
-- It may read what the dashboards show, column by column: no number that was called, no account, nothing that names a
-- call or a ledger. What is not named here it cannot read.

BEGIN;

CREATE ROLE wecall_dashboard LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT CONNECTION LIMIT 20;
ALTER ROLE wecall_dashboard SET default_transaction_read_only = on;
-- A panel that somebody zoomed out too far does not keep the collectors waiting.
ALTER ROLE wecall_dashboard SET statement_timeout = '30s';
-- Where the days begin by which requests are due; as `time_zone` in the collector's [http].
ALTER ROLE wecall_dashboard SET timezone = 'UTC';

GRANT USAGE ON SCHEMA public TO wecall_dashboard;
GRANT SELECT (fleet, device, first_seen_at, last_seen_at, state, state_since, retired_at) ON devices TO wecall_dashboard;
GRANT SELECT (fleet, device, direction, started_at, answered_at, ended_at, result, sip_code, clock_synced, received_at)
  ON calls TO wecall_dashboard;
GRANT SELECT (fleet, device, policy_version, ledger_intact, received_at) ON consents TO wecall_dashboard;
GRANT SELECT ON purposes, requests, erasures, outcomes, publications, quarantine TO wecall_dashboard;

COMMIT;
