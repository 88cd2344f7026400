package sqlstore

import (
	"fmt"
	"regexp"
	"time"

	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/keyform"
)

// A Dialect is the SQL that a database speaks.
type Dialect string

// The dialects.
const (
	// Postgres is PostgreSQL 13 or later, through any driver for database/sql,
	// such as github.com/jackc/pgx/v5/stdlib.
	Postgres Dialect = "postgres"
	// SQLite is SQLite 3.42 or later, in a file, through any driver for
	// database/sql, such as modernc.org/sqlite.
	SQLite Dialect = "sqlite"
)

// A Config says where the rows are and which keys protect them. All processes
// of a service have the same Config. Printed, logged or encoded as JSON, a
// Config does not show the Secrets.
type Config struct {
	// Dialect is [Postgres] or [SQLite]. Required.
	Dialect Dialect
	// Schema is the schema of the tables in PostgreSQL. Lower-case letters,
	// digits and underscores. At most 63 bytes. It must be empty for SQLite.
	// Default: the first schema of the search_path.
	Schema string
	// Prefix begins the name of each table and of each index. It is also in the
	// MAC of each row. So after a change of the Prefix, New finds no tables,
	// and renamed tables hold no good rows. Lower-case letters, digits and
	// underscores. At most 32 bytes. Default: "bulwark_".
	Prefix string
	// Secrets are the deployment keys, the newest first, each at least 32
	// random bytes. A row is protected with a MAC under the first Secret, and
	// is accepted under any of them. Without the Secret of a row, each call
	// that reads the row returns an error.
	//
	// To replace a key, start all processes with the new key in the second
	// place. Then start all of them with the new key in the first place. Then
	// call [Store.Reseal], and remove the old key. Two services, or a test and
	// its production, have different Secrets: the MAC does not cover the Schema
	// or the database. Required. At most 8.
	Secrets [][]byte
	// Timeout bounds each call, and each batch of Sweep. The context of a call
	// may end it earlier. 10 milliseconds to 1 minute. Default: 1 second.
	Timeout time.Duration
	// Unprepared sends the text of a statement with each call, where New
	// otherwise prepares the statements. It is for a pooler that does not know
	// prepared statements, such as PgBouncer before 1.21 in transaction mode.
	// With pgx, also write default_query_exec_mode=exec into the connection
	// string. Default: false.
	Unprepared bool
	// MaxSessions bounds the sessions that have not expired. If the store is
	// full, Create returns auth.ErrFull. A bound of at most 16,384 is exact. A
	// larger bound is estimated from a sample, within about 3 percent. Each
	// process counts at most every 10 seconds, or when it has used a sixteenth
	// of the free room. So several processes may together exceed the bound by a
	// part of the room that was free. At most 1,000,000,000. Default:
	// 10,000,000, which is about 12 GB.
	MaxSessions int
	// MaxKeys bounds the API keys in the same way. Default: 10,000,000, which
	// is about 7 GB.
	MaxKeys int
	// MaxRevocations bounds the revocations in the same way. It also bounds the
	// marks that RevokeProvider and RevokeOwner leave. Default: 10,000,000,
	// which is about 3 GB.
	MaxRevocations int
	// MaxReplays bounds the used proofs in the same way. Near the bound, a
	// client is refused that holds more proofs than there is free room.
	// Default: 10,000,000, which is about 2 GB.
	MaxReplays int
	// MinWindow is the shortest window of a quota. A shorter window is an error
	// of ratelimit.New, because each request waits for the database.
	// At least 1 millisecond. Default: 23 hours, so that a day of 23 hours is
	// long enough.
	MinWindow time.Duration
}

const (
	defaultPrefix  = "bulwark_"
	defaultTimeout = time.Second
	defaultMax     = 10_000_000
	mostMax        = 1_000_000_000
	defaultWindow  = 23 * time.Hour
	minSecret      = 32
	maxSecrets     = 8
	maxSchema      = 63
	maxPrefix      = 32
)

// name is what a Schema and a Prefix may be. Quoting is then never needed, and
// is done all the same.
var name = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// checked returns the Config with its defaults. It reports every mistake at
// once. The Secrets are checked if needed.
func (c Config) checked(secrets bool) (Config, error) {
	faults := fault.In("sqlstore")
	c.names(faults)
	if secrets {
		c.secrets(faults)
	}
	c.Timeout = faults.Span("Timeout", c.Timeout, 10*time.Millisecond, time.Minute, defaultTimeout)
	c.MinWindow = faults.Span("MinWindow", c.MinWindow, time.Millisecond, maxWindow, defaultWindow)
	for _, bound := range []struct {
		field string
		value *int
	}{{"MaxSessions", &c.MaxSessions}, {"MaxKeys", &c.MaxKeys}, {"MaxRevocations", &c.MaxRevocations}, {"MaxReplays", &c.MaxReplays}} {
		*bound.value = faults.Number(bound.field, *bound.value, 1, mostMax, defaultMax)
	}
	return c, faults.Err()
}

// names checks where the tables are.
func (c *Config) names(faults *fault.List) {
	const characters = "write lower-case letters, digits and underscores, with a letter or an underscore first"
	if c.Dialect != Postgres && c.Dialect != SQLite {
		faults.Add("Dialect", string(c.Dialect), "is not a dialect; write sqlstore.Postgres or sqlstore.SQLite")
	}
	switch {
	case c.Schema == "":
	case c.Dialect == SQLite:
		faults.Add("Schema", c.Schema, "is set for SQLite, which has no schemas; leave it out, and choose a Prefix")
	case !name.MatchString(c.Schema):
		faults.Add("Schema", c.Schema, "is not a name; "+characters)
	case len(c.Schema) > maxSchema:
		faults.Add("Schema", c.Schema, fmt.Sprintf("must have at most %d bytes", maxSchema))
	}
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	switch {
	case !name.MatchString(c.Prefix):
		faults.Add("Prefix", c.Prefix, "is not a name; "+characters)
	case len(c.Prefix) > maxPrefix:
		faults.Add("Prefix", c.Prefix, fmt.Sprintf("must have at most %d bytes", maxPrefix))
	}
}

func (c *Config) secrets(faults *fault.List) {
	switch {
	case len(c.Secrets) == 0:
		faults.Add("Secrets", "", "is empty; write a key of at least 32 random bytes, the same in all processes")
	case len(c.Secrets) > maxSecrets:
		faults.Add("Secrets", fmt.Sprint(len(c.Secrets)), fmt.Sprintf("must be at most %d keys; leave out the oldest", maxSecrets))
	}
	seen := make(map[string]bool)
	for i, secret := range c.Secrets {
		switch {
		case len(secret) < minSecret:
			faults.AddAt("Secrets", i, "", fmt.Sprintf("has %d bytes; write at least %d random bytes", len(secret), minSecret))
		case keyform.Of(secret) != "":
			faults.AddAt("Secrets", i, "", "is "+keyform.Of(secret)+" and not a secret; write at least 32 random bytes")
		case seen[string(secret)]:
			faults.AddAt("Secrets", i, "", "is there twice; leave one out")
		}
		seen[string(secret)] = true
	}
}
