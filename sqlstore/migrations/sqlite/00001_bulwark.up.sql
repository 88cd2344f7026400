-- +goose Up
-- Tables of bulwark's sqlstore for SQLite 3.42 and later. All times are
-- microseconds since 1970. Digests are SHA-256, or the first half of it.

CREATE TABLE IF NOT EXISTS "bulwark_schema" (
	version     INTEGER PRIMARY KEY,
	since       INTEGER NOT NULL, -- the oldest version whose programs can use the tables
	migrated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT;

CREATE TABLE IF NOT EXISTS "bulwark_sessions" (
	digest           BLOB PRIMARY KEY, -- of the id
	id               BLOB NOT NULL,
	version          INTEGER NOT NULL,
	generation       INTEGER NOT NULL,
	issuer           BLOB NOT NULL, -- digests, for filters
	subject          BLOB NOT NULL,
	provider_issuer  BLOB,
	provider_subject BLOB,
	provider_session BLOB,
	refreshed_at     INTEGER NOT NULL,
	used_at          INTEGER NOT NULL,
	expires          INTEGER NOT NULL,
	body             BLOB NOT NULL,
	mac              BLOB NOT NULL -- over everything but refreshed_at and used_at
) STRICT;
CREATE INDEX IF NOT EXISTS "bulwark_sessions_caller" ON "bulwark_sessions" (subject, issuer);
CREATE INDEX IF NOT EXISTS "bulwark_sessions_login" ON "bulwark_sessions" (provider_subject, provider_issuer) WHERE provider_subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS "bulwark_sessions_provider" ON "bulwark_sessions" (provider_session, provider_issuer) WHERE provider_session IS NOT NULL;
CREATE INDEX IF NOT EXISTS "bulwark_sessions_id" ON "bulwark_sessions" (id);
CREATE INDEX IF NOT EXISTS "bulwark_sessions_expiry" ON "bulwark_sessions" (expires);

CREATE TABLE IF NOT EXISTS "bulwark_keys" (
	digest   BLOB PRIMARY KEY, -- of the id
	id       BLOB NOT NULL,
	version  INTEGER NOT NULL,
	family   BLOB NOT NULL, -- digests, for filters
	owner    BLOB NOT NULL,
	tier     BLOB,
	made_at  INTEGER, -- the newest secret
	expires  INTEGER NOT NULL, -- when Sweep may delete the row
	used_at  INTEGER,
	stale_at INTEGER,
	body     BLOB NOT NULL,
	mac      BLOB NOT NULL -- over everything but used_at and stale_at
) STRICT;
CREATE INDEX IF NOT EXISTS "bulwark_keys_owner" ON "bulwark_keys" (owner);
CREATE INDEX IF NOT EXISTS "bulwark_keys_made" ON "bulwark_keys" (family, made_at);
CREATE INDEX IF NOT EXISTS "bulwark_keys_id" ON "bulwark_keys" (id);
CREATE INDEX IF NOT EXISTS "bulwark_keys_expiry" ON "bulwark_keys" (expires);

-- Logouts at identity providers, and revocations of all keys of an owner.
CREATE TABLE IF NOT EXISTS "bulwark_marks" (
	digest      BLOB PRIMARY KEY, -- of the kind, the issuer and the id
	until       INTEGER NOT NULL,
	expires     INTEGER NOT NULL,
	until_mac   BLOB NOT NULL,
	expires_mac BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS "bulwark_marks_expiry" ON "bulwark_marks" (expires);

CREATE TABLE IF NOT EXISTS "bulwark_revocations" (
	digest      BLOB PRIMARY KEY, -- of the kind, the issuer and the id
	until       INTEGER NOT NULL,
	expires     INTEGER NOT NULL,
	until_mac   BLOB NOT NULL,
	expires_mac BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS "bulwark_revocations_expiry" ON "bulwark_revocations" (expires);

CREATE TABLE IF NOT EXISTS "bulwark_replays" (
	digest  BLOB PRIMARY KEY, -- of the client and the id
	client  BLOB NOT NULL,
	expires INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS "bulwark_replays_expiry" ON "bulwark_replays" (expires);

CREATE TABLE IF NOT EXISTS "bulwark_quotas" (
	digest  BLOB PRIMARY KEY, -- of the name of the policy and the key
	ends    INTEGER NOT NULL,
	used    INTEGER NOT NULL,
	expires INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS "bulwark_quotas_expiry" ON "bulwark_quotas" (expires);

INSERT INTO "bulwark_schema" (version, since) VALUES (1, 1) ON CONFLICT DO NOTHING;
