package fleetguide

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/rueidis"
	_ "modernc.org/sqlite"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
	"github.com/bulwark-go/bulwark/sqlstore"
)

const stateConf = `
maxmemory 2gb
maxmemory-policy noeviction
appendonly yes
appendfsync always
`

// inRedis keeps sessions and keys in Redis. It returns an error if that Redis
// evicts keys when its memory is full.
func inRedis(ctx context.Context, client rueidis.Client, secrets [][]byte, c *Common) error {
	store, err := redisstore.New(ctx, redisstore.Config{
		Client:  redisstore.Rueidis(client),
		Secrets: secrets,
	})
	if err != nil {
		return err
	}
	c.Sessions, c.Keys = store.Sessions(), store.Keys()
	return nil
}

// inPostgres keeps sessions and keys in PostgreSQL.
func inPostgres(ctx context.Context, db *sql.DB, secrets [][]byte, c *Common) (*sqlstore.Store, error) {
	store, err := sqlstore.New(ctx, db, sqlstore.Config{Dialect: sqlstore.Postgres, Secrets: secrets})
	if err != nil {
		return nil, err
	}
	c.Sessions, c.Keys = store.Sessions(), store.Keys()
	return store, nil
}

// migrateTables runs before the first process of a new version.
func migrateTables(ctx context.Context, db *sql.DB) error {
	return sqlstore.Migrate(ctx, db, sqlstore.Config{Dialect: sqlstore.Postgres})
}

// sweep deletes what has expired, until ctx ends. One process is enough, and
// more do no harm.
func sweep(ctx context.Context, store *sqlstore.Store, failed func(error)) {
	again := time.NewTicker(5 * time.Minute)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			if err := store.Sweep(ctx); err != nil {
				failed(err)
			}
		}
	}
}

// partnerTokens accepts the tokens of an identity provider, unless one of the
// processes has revoked them.
func partnerTokens(config jwt.Config, store *redisstore.Store) (*jwt.Verifier, error) {
	config.Revocations = store.Revocations()
	return jwt.New(config)
}

// whole shows what two processes over one store must agree on.
func whole(t *testing.T, first, second Common) {
	t.Helper()
	second.SigningKey, second.StoreKey, second.Pepper = first.SigningKey, first.StoreKey, first.Pepper
	one, two := run(t, first), run(t, second)
	login, refresh := one.login("alice")
	two.want(204, "a login made at process 1", login...)
	key := two.key("partner")
	one.want(204, "a key made at process 2", header(key)...)
	two.logout(refresh)
	one.want(401, "a login ended at process 2", login...)
	if err := one.Keys.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	two.want(401, "a key revoked at process 1", header(key)...)
}

func TestStateInRedis(t *testing.T) {
	server := redis(t, stateConf)
	secrets := [][]byte{random()}
	first, second := alone(), alone()
	for _, c := range []*Common{&first, &second} {
		if err := inRedis(t.Context(), client(t, server), secrets, c); err != nil {
			t.Fatal(err)
		}
	}
	whole(t, first, second)

	// A login lives through kill -9 of Redis, and what was revoked stays so.
	first.Limits = alone().Limits
	p := run(t, first)
	login, _ := p.login("bob")
	gone, refresh := p.login("carol")
	p.logout(refresh)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	got := p.ask(login...)
	if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("without Redis: %d %v, want 503 with Retry-After", got.StatusCode, got.Header)
	}
	if got := p.askFrom("192.0.2.1:4000", "/health"); got.StatusCode != http.StatusNoContent {
		t.Errorf("health without Redis: %d, want 204", got.StatusCode)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the login works again", func() bool { return p.ask(login...).StatusCode == http.StatusNoContent })
	// The client has several connections, and notices the end of each by itself.
	status := 0
	eventually(t, "the ended login is answered", func() bool { status = p.ask(gone...).StatusCode; return status != http.StatusServiceUnavailable })
	if status != http.StatusUnauthorized {
		t.Errorf("a login that had ended before: %d, want 401", status)
	}
}

// Redis that evicts is refused, because junk would push revocations out.
func TestStateNeedsRoom(t *testing.T) {
	var c Common
	err := inRedis(t.Context(), client(t, redis(t, limitsConf)), [][]byte{random()}, &c)
	contains(t, err, "noeviction")
}

func TestStateInPostgres(t *testing.T) {
	engine.Need(t, engine.PostgresServer)
	server, err := engine.Postgres(t.Context(), t.TempDir(), engine.PostgresConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	db, err := sql.Open("pgx", server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	secrets := [][]byte{random()}
	first, second := alone(), alone()
	if _, err := inPostgres(t.Context(), db, secrets, &first); err == nil {
		t.Fatal("without its tables the store opens")
	} else {
		contains(t, err, "Migrate")
	}
	var store *sqlstore.Store
	for range 2 { // a second run changes nothing
		if err := migrateTables(t.Context(), db); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*Common{&first, &second} {
		if store, err = inPostgres(t.Context(), db, secrets, c); err != nil {
			t.Fatal(err)
		}
	}
	whole(t, first, second)
	if err := store.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	sweep(ended, store, func(err error) { t.Error(err) })
}

// The same in a file, for processes of one machine.
func TestStateInSQLite(t *testing.T) {
	const options = "?_txlock=immediate&_pragma=busy_timeout(900)&_pragma=journal_mode(WAL)"
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "state.db")+options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	config := sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: [][]byte{random()}}
	if err := sqlstore.Migrate(t.Context(), db, config); err != nil {
		t.Fatal(err)
	}
	first, second := alone(), alone()
	for _, c := range []*Common{&first, &second} {
		store, err := sqlstore.New(t.Context(), db, config)
		if err != nil {
			t.Fatal(err)
		}
		c.Sessions, c.Keys = store.Sessions(), store.Keys()
	}
	whole(t, first, second)
}

func TestARevokedToken(t *testing.T) {
	server := redis(t, stateConf)
	secrets := [][]byte{random()}
	issuer := authtest.NewIssuer(t)
	token := issuer.Token(authtest.Claims{})
	var verifiers []*jwt.Verifier
	var stores []*redisstore.Store
	for range 2 {
		store, err := redisstore.New(t.Context(), redisstore.Config{Client: redisstore.Rueidis(client(t, server)), Secrets: secrets})
		if err != nil {
			t.Fatal(err)
		}
		v, err := partnerTokens(issuer.Config(), store)
		if err != nil {
			t.Fatal(err)
		}
		verifiers, stores = append(verifiers, v), append(stores, store)
	}
	var who *bulwark.Principal
	for i, v := range verifiers {
		var err error
		if who, err = v.Verify(t.Context(), token); err != nil {
			t.Fatalf("process %d: %v", i+1, err)
		}
	}
	if err := stores[0].Revocations().Revoke(t.Context(), auth.RevocationOf(who)); err != nil {
		t.Fatal(err)
	}
	for i, v := range verifiers {
		if _, err := v.Verify(t.Context(), token); err == nil {
			t.Errorf("process %d accepts a revoked token", i+1)
		}
	}
}
