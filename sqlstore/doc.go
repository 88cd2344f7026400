// Package sqlstore keeps what a service knows between requests in a SQL
// database: sessions, API keys, revocations, used proofs, and quotas of days
// and months. All processes of the service share it. It speaks PostgreSQL and
// SQLite through [database/sql], with any driver.
//
// # Threat
//
//   - A process ends, and with it every login, every revocation and every API
//     key that it knew.
//   - Of two processes, one accepts what the other has revoked, or both rotate
//     one refresh token.
//   - The database fails in the middle of a change: half of it is done, or
//     nobody knows what is done.
//   - Somebody who can write to the database plants a session or a key, gives
//     a key more roles, or copies a row to another id.
//   - A flood of logins or of proofs fills the disk.
//
// # Defence
//
// The tables are made once, by a tool for migrations or by [Migrate]. Then
// [New] returns the stores:
//
//	db, err := sql.Open("pgx", "postgres://service@db.example.com/app"+
//		"?target_session_attrs=read-write")
//	…
//	config := sqlstore.Config{
//		Dialect: sqlstore.Postgres,
//		Schema:  "auth",
//		Secrets: secrets,
//	}
//	err = sqlstore.Migrate(ctx, db, config)
//	…
//	store, err := sqlstore.New(ctx, db, config)
//	…
//	session.Config{…, Store: store.Sessions()}
//	apikey.Config{…, Store: store.Keys()}
//	jwt.Config{…, Revocations: store.Revocations()}
//	dpop.Config{…, Replays: store.Replays()}
//	ratelimit.Config{…, Rate: "9000/day,fixed-window", Store: store.Quotas()}
//
// The stores keep the rules that are written beside their interfaces. The
// suites of packages authtest and ratelimittest check these rules with SQLite
// and with PostgreSQL. The tests also kill PostgreSQL in the middle of a
// transaction, stop it, let it run out of connections and of disk, and lose its
// answers.
//
//   - A change of several rows is one transaction. A change of one row is one
//     statement that compares and writes. No rule depends on reading first and
//     writing later.
//   - The clock of the database decides. The service and the database may have
//     different clocks. A clock that is ahead lets nobody in: revocations, used
//     proofs and the marks of RevokeProvider and RevokeOwner are forgotten when
//     the clock of the database and that of the process both say that they
//     have ended. If the clock of the process that writes one is behind, it is
//     kept for as long as that process means. Times have microseconds. The
//     clock of SQLite has milliseconds, so that rows of SQLite expire up to one
//     millisecond late.
//   - Each row that grants something has a MAC (HMAC-SHA-256) under a key of
//     Config.Secrets. The MAC covers the id, the fields, and the columns that
//     find the row. A row that was planted, changed or copied is an error,
//     which is answered with 503. It is never "not found".
//   - An id is a SHA-256 digest in its index. So an id may hold any bytes and
//     have any length.
//   - Each call ends when its context ends, and after Config.Timeout. It leaves
//     no transaction and no connection behind.
//   - The tables are bounded. A full store returns auth.ErrFull and never makes
//     room by forgetting.
//
// If PostgreSQL reports that it has undone a transaction because of another one
// (SQLSTATE 40001 and 40P01), the call begins again, at most 15 times within
// its Timeout. After any other error it may be unknown whether the change was
// made. So the call returns the error.
//
// # PostgreSQL
//
// Connect to the primary: a replica may not know the latest revocation. New
// refuses a replica. target_session_attrs=read-write in the connection string
// keeps the pool from connecting to a replica after a failover. With
// asynchronous replication, a failover loses the last changes: a session that
// was deleted at that moment, or a key that was revoked, is good again. If this
// must not happen, name a synchronous standby (synchronous_standby_names), and
// leave synchronous_commit at its default.
//
// The service needs no right to create or to drop. Run the migrations as
// another user, and grant:
//
//	GRANT USAGE ON SCHEMA auth TO service;
//	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA auth TO service;
//	REVOKE INSERT, UPDATE, DELETE ON auth.bulwark_schema FROM service;
//
// Any default isolation of the database will do: a transaction of this package
// asks for READ COMMITTED, and orders itself by locks (pg_advisory_xact_lock)
// that end with it.
//
// New prepares each statement once, and the pool once more on each of its
// connections. PgBouncer in transaction mode knows prepared statements since
// version 1.21, with max_prepared_statements above 0. Before, set
// Config.Unprepared and write default_query_exec_mode=exec into the connection
// string of pgx; simple_protocol works also. No statement depends on the state
// of a connection.
//
// # SQLite
//
// New refuses a database in memory, a database without WAL, and a busy_timeout
// that is missing or longer than Config.Timeout. For modernc.org/sqlite:
//
//	sql.Open("sqlite", "file:auth.db"+
//		"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(500)")
//
// The file must be on a disk of the machine, and not on a network. With WAL,
// synchronous=FULL (the default of SQLite) keeps each change when the machine
// loses power. With synchronous=NORMAL the last changes may be lost. SQLite has
// one writer at a time.
//
// # Round trips
//
// To PostgreSQL, on a connection on which the statements are prepared:
//
//	session     read 1, refresh 2 (a read and an update), touch 1, delete 1,
//	            create 6, and 1 for each session that it ends
//	API key     read 1, mark 1, create 5, update 5
//	revocation  ask 1, revoke 1
//	logout of a login at a provider, or of the keys of an owner: 4
//	proof       use 1
//	quota       debit 2, or 1 if there is no room; refund 1;
//	            n cells at once: debit 3 + 2n
//
// Once in 10 seconds, or more often if a table is nearly full, a call also
// counts the rows of a sample.
//
// # Sweep
//
// Neither database deletes what has expired. Call [Store.Sweep] every few
// minutes, in one process or in all. Used proofs are the most rows: at 1,000
// proofs a second, a sweep each minute deletes 60,000 rows in 120 batches.
//
//	for range time.Tick(time.Minute) {
//		if err := store.Sweep(ctx); err != nil {
//			slog.WarnContext(ctx, "expired rows could not be deleted", "error", err)
//		}
//	}
//
// # Backups
//
// A backup that is restored brings back what was revoked or deleted after the
// backup: sessions that were logged out, keys that were revoked, proofs that
// were used. After restoring:
//
//   - Empty bulwark_sessions, so that every user logs in again, or restore to a
//     point in time just before the failure.
//   - Revoke API keys again that were revoked since the backup. The events
//     authn_token_revoked and those of package apikey name them.
//   - Change the keys of token issuers if tokens were revoked.
//
// A backup holds names of users, addresses and the hashes of API keys. It holds
// no refresh token, no API key and no Secret. Keep Secrets elsewhere.
//
// # Not covered
//
// Somebody who can write to the database can delete a row, or put back an older
// copy of the same row: a revocation is gone, or a key has the roles that it
// once had. The MAC shows neither. It does not cover the times of use, the time
// of the last refresh, used proofs and quotas, because these grant nothing or
// could be deleted with the same effect. Somebody who has a Secret can write
// any row. Rows are not encrypted.
//
// Quotas are not limits against floods: each request that counts writes to the
// database. Use the memory or Redis for these, as package ratelimit says.
//
// # Errors
//
// The answers of the stores are auth.ErrNotFound, auth.ErrConflict,
// auth.ErrFull and session.ErrLoggedOut. Any other error is an outage, begins
// with "sqlstore: " and says what was being done. It wraps the error of the
// driver. An error of this package holds no id and no secret. A row that is not
// as this service has written it is named by the begin of its digest:
//
//	SELECT * FROM bulwark_keys
//	WHERE encode(digest, 'hex') LIKE '2bd806c97f0e00af%';
//
// [New], [Migrate] and [Migrations] return an error that joins a
// *[bulwark.ConfigError] for each mistake of a Config. A Debit of a policy that
// quotas do not know is a ConfigError also.
//
// The Example of [New] is a service with SQLite. Another Example shows what New
// says about a database that would lose logins.
package sqlstore
