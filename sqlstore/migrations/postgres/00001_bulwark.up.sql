-- +goose Up
-- Tables of bulwark's sqlstore for PostgreSQL 13 and later. All times are
-- microseconds since 1970. Digests are SHA-256, or the first half of it.

CREATE TABLE IF NOT EXISTS "bulwark_schema" (
	version     integer PRIMARY KEY,
	since       integer NOT NULL, -- the oldest version whose programs can use the tables
	migrated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS "bulwark_sessions" (
	digest           bytea PRIMARY KEY, -- of the id
	id               bytea NOT NULL,
	version          bigint NOT NULL,
	generation       bigint NOT NULL,
	issuer           bytea NOT NULL, -- digests, for filters
	subject          bytea NOT NULL,
	provider_issuer  bytea,
	provider_subject bytea,
	provider_session bytea,
	refreshed_at     bigint NOT NULL,
	used_at          bigint NOT NULL,
	expires          bigint NOT NULL,
	body             bytea NOT NULL,
	mac              bytea NOT NULL -- over everything but refreshed_at and used_at
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS "bulwark_sessions_caller" ON "bulwark_sessions" (subject, issuer);
CREATE INDEX IF NOT EXISTS "bulwark_sessions_login" ON "bulwark_sessions" (provider_subject, provider_issuer) WHERE provider_subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS "bulwark_sessions_provider" ON "bulwark_sessions" (provider_session, provider_issuer) WHERE provider_session IS NOT NULL;
CREATE INDEX IF NOT EXISTS "bulwark_sessions_id" ON "bulwark_sessions" (substring(id from 1 for 64));
CREATE INDEX IF NOT EXISTS "bulwark_sessions_expiry" ON "bulwark_sessions" (expires);

CREATE TABLE IF NOT EXISTS "bulwark_keys" (
	digest   bytea PRIMARY KEY, -- of the id
	id       bytea NOT NULL,
	version  bigint NOT NULL,
	family   bytea NOT NULL, -- digests, for filters
	owner    bytea NOT NULL,
	tier     bytea,
	made_at  bigint, -- the newest secret
	expires  bigint NOT NULL, -- when Sweep may delete the row
	used_at  bigint,
	stale_at bigint,
	body     bytea NOT NULL,
	mac      bytea NOT NULL -- over everything but used_at and stale_at
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS "bulwark_keys_owner" ON "bulwark_keys" (owner);
CREATE INDEX IF NOT EXISTS "bulwark_keys_made" ON "bulwark_keys" (family, made_at);
CREATE INDEX IF NOT EXISTS "bulwark_keys_id" ON "bulwark_keys" (substring(id from 1 for 64));
CREATE INDEX IF NOT EXISTS "bulwark_keys_expiry" ON "bulwark_keys" (expires);

-- Logouts at identity providers, and revocations of all keys of an owner.
CREATE TABLE IF NOT EXISTS "bulwark_marks" (
	digest      bytea PRIMARY KEY, -- of the kind, the issuer and the id
	until       bigint NOT NULL,
	expires     bigint NOT NULL,
	until_mac   bytea NOT NULL,
	expires_mac bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS "bulwark_marks_expiry" ON "bulwark_marks" (expires);

CREATE TABLE IF NOT EXISTS "bulwark_revocations" (
	digest      bytea PRIMARY KEY, -- of the kind, the issuer and the id
	until       bigint NOT NULL,
	expires     bigint NOT NULL,
	until_mac   bytea NOT NULL,
	expires_mac bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS "bulwark_revocations_expiry" ON "bulwark_revocations" (expires);

CREATE TABLE IF NOT EXISTS "bulwark_replays" (
	digest  bytea PRIMARY KEY, -- of the client and the id
	client  bytea NOT NULL,
	expires bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS "bulwark_replays_expiry" ON "bulwark_replays" (expires);

CREATE TABLE IF NOT EXISTS "bulwark_quotas" (
	digest  bytea PRIMARY KEY, -- of the name of the policy and the key
	ends    bigint NOT NULL,
	used    bigint NOT NULL,
	expires bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS "bulwark_quotas_expiry" ON "bulwark_quotas" (expires);

INSERT INTO "bulwark_schema" (version, since) VALUES (1, 1) ON CONFLICT DO NOTHING;
