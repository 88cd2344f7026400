package sqlstore_test

import (
	"bytes"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/sqlstore"
)

func TestConfig(t *testing.T) {
	good := bytes.Repeat([]byte("hunter2!"), 4)
	for name, test := range map[string]struct {
		c    sqlstore.Config
		want []string // the fields
	}{
		"zero":             {sqlstore.Config{}, []string{"Dialect", "Secrets"}},
		"dialect":          {sqlstore.Config{Dialect: "mysql", Secrets: [][]byte{good}}, []string{"Dialect"}},
		"schema-of-sqlite": {sqlstore.Config{Dialect: sqlstore.SQLite, Schema: "main", Secrets: [][]byte{good}}, []string{"Schema"}},
		"schema":           {sqlstore.Config{Dialect: sqlstore.Postgres, Schema: `a"; DROP TABLE x; --`, Secrets: [][]byte{good}}, []string{"Schema"}},
		"schema-case":      {sqlstore.Config{Dialect: sqlstore.Postgres, Schema: "Auth", Secrets: [][]byte{good}}, []string{"Schema"}},
		"schema-length":    {sqlstore.Config{Dialect: sqlstore.Postgres, Schema: strings.Repeat("a", 64), Secrets: [][]byte{good}}, []string{"Schema"}},
		"prefix":           {sqlstore.Config{Dialect: sqlstore.SQLite, Prefix: "a.b", Secrets: [][]byte{good}}, []string{"Prefix"}},
		"prefix-digit":     {sqlstore.Config{Dialect: sqlstore.SQLite, Prefix: "1a", Secrets: [][]byte{good}}, []string{"Prefix"}},
		"prefix-newline":   {sqlstore.Config{Dialect: sqlstore.SQLite, Prefix: "a_\n", Secrets: [][]byte{good}}, []string{"Prefix"}},
		"prefix-length":    {sqlstore.Config{Dialect: sqlstore.SQLite, Prefix: strings.Repeat("a", 33), Secrets: [][]byte{good}}, []string{"Prefix"}},
		"secret-short":     {sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: [][]byte{good, good[:31]}}, []string{"Secrets[1]"}},
		"secret-public":    {sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: [][]byte{good, []byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n")}}, []string{"Secrets[1]"}},
		"secret-twice":     {sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: [][]byte{good, good}}, []string{"Secrets[1]"}},
		"secrets-many": {sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: func() (all [][]byte) {
			for i := range 9 {
				all = append(all, append([]byte{byte(i)}, good...))
			}
			return all
		}()}, []string{"Secrets"}},
		"bounds": {sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: [][]byte{good}, Timeout: time.Millisecond, MinWindow: -1, MaxSessions: -1, MaxKeys: 1e9 + 1,
			MaxRevocations: -1, MaxReplays: -1}, []string{"Timeout", "MinWindow", "MaxSessions", "MaxKeys", "MaxRevocations", "MaxReplays"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sqlstore.New(t.Context(), database(t), test.c)
			if err == nil {
				t.Fatal("no error")
			}
			var fields []string
			for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
				var wrong *bulwark.ConfigError
				if !errors.As(one, &wrong) {
					t.Fatalf("%v is not a ConfigError", one)
				}
				fields = append(fields, strings.TrimPrefix(wrong.Field, "sqlstore."))
			}
			if strings.Join(fields, " ") != strings.Join(test.want, " ") {
				t.Errorf("wrong are %q, want %q", fields, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
	for what, err := range map[string]error{
		"New":     func() error { _, err := sqlstore.New(t.Context(), nil, config()); return err }(),
		"Migrate": sqlstore.Migrate(t.Context(), nil, config()),
	} {
		var wrong *bulwark.ConfigError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "nil *sql.DB") {
			t.Errorf("%s without a database: %v", what, err)
		}
	}
}

// The SQL of another dialect is a syntax error, and the error says what to
// correct.
func TestWrongDialect(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "a.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(500)")
	must(t, err)
	defer db.Close()
	c := config()
	c.Dialect = sqlstore.Postgres
	_, err = sqlstore.New(t.Context(), db, c)
	for what, err := range map[string]error{"New": err, "Migrate": sqlstore.Migrate(t.Context(), db, c)} {
		if err == nil || !strings.Contains(err.Error(), "Config.Dialect says that the database is PostgreSQL") {
			t.Errorf("%s: %v, want an error that names the Dialect", what, err)
		}
	}
	must(t, db.Close())
	if _, err := sqlstore.New(t.Context(), db, c); err == nil || strings.Contains(err.Error(), "Dialect") {
		t.Errorf("a database that cannot be reached: %v, want an error that does not name the Dialect", err)
	}
}

// A database in which one of two writers fails at once, or readers wait, is
// refused, and the error says what to write.
func TestSQLiteIsChecked(t *testing.T) {
	for name, test := range map[string]struct{ options, want string }{
		"no-wal":          {"?_pragma=busy_timeout(500)", "_pragma=journal_mode(WAL)"},
		"no-busy-timeout": {"?_pragma=journal_mode(WAL)", "_pragma=busy_timeout(500)"},
		"long-timeout":    {"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)", "write at most 1000"},
		"good":            {"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(1000)", ""},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "a.db")+test.options)
			must(t, err)
			defer db.Close()
			c := config()
			c.Timeout = 0 // 1 second
			must(t, sqlstore.Migrate(t.Context(), db, c))
			_, err = sqlstore.New(t.Context(), db, c)
			if test.want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q in the error", err, test.want)
			}
		})
	}
	t.Run("in-memory", func(t *testing.T) {
		db, err := sql.Open("sqlite", "file::memory:?_pragma=busy_timeout(500)")
		must(t, err)
		defer db.Close()
		db.SetMaxOpenConns(1)
		if _, err = sqlstore.New(t.Context(), db, config()); err == nil || !strings.Contains(err.Error(), "in memory") {
			t.Errorf("a database in memory: %v", err)
		}
	})
	// A PRAGMA that was executed once holds for one connection of the pool.
	t.Run("one-connection-only", func(t *testing.T) {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "a.db")+"?_pragma=journal_mode(WAL)")
		must(t, err)
		defer db.Close()
		must(t, sqlstore.Migrate(t.Context(), db, config()))
		_, err = db.ExecContext(t.Context(), "PRAGMA busy_timeout = 500")
		must(t, err)
		if _, err = sqlstore.New(t.Context(), db, config()); err == nil || !strings.Contains(err.Error(), "busy_timeout is 0") {
			t.Errorf("busy_timeout on one connection: %v", err)
		}
	})
}

// A Rate that quotas cannot count is an error of ratelimit.New, and not of each
// request.
func TestQuotasNameTheRate(t *testing.T) {
	c := config()
	c.MinWindow = 0 // 23 hours
	store, _ := open(t, c)
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	for rate, want := range map[ratelimit.Rate]string{
		"1000/day": "", "1000/month": "", "10/second; 1000/day": "use another Store", "1000/hour,fixed-window; 9000/day": "at least 23h0m0s",
	} {
		_, err := ratelimit.New(ratelimit.Config{Name: "customer", Rate: rate, Calendar: berlin, Store: store.Quotas()})
		var wrong *bulwark.ConfigError
		if want == "" && err != nil || want != "" && (!errors.As(err, &wrong) || wrong.Field != "ratelimit(customer).Rate" || !strings.Contains(wrong.Reason, want)) {
			t.Errorf("%s: %v, want %q", rate, err, want)
		}
	}
}
