package sqlstore_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/sqlstore"
)

const issuer = "https://login.example.com"

func login(id, subject string) session.Session {
	now := time.Now()
	return session.Session{ID: id, Issuer: issuer, Subject: subject, Kind: "cookie", AuthTime: now, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		Provider: session.Provider{Issuer: "idp", Subject: subject, SessionID: "sid-" + id}, StoreKey: "k", Hash: sha256.Sum256([]byte(id))}
}

func key(id string) apikey.Record {
	now := time.Now()
	return apikey.Record{ID: id, Family: "acme_live", Issuer: issuer, Subject: "alice", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		Secrets: []apikey.Secret{{Hash: sha256.Sum256([]byte(id)), Pepper: 1, CreatedAt: now}}}
}

func revocation(id string) auth.Revocation {
	return auth.Revocation{Issuer: issuer, TokenID: id, Expires: time.Now().Add(time.Hour)}
}

func token(id string) *bulwark.Principal {
	return &bulwark.Principal{Issuer: issuer, Subject: "alice", TokenID: id, IssuedAt: time.Now()}
}

func quota(key string) ratelimit.Cell {
	return ratelimit.Cell{Key: []byte(key), Cost: 1, Policy: ratelimit.Policy{Name: "api-day", Algorithm: ratelimit.FixedWindow, Limit: 100, Burst: 100, Window: 24 * time.Hour}}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// outage fails the test unless err is an outage, which is not an answer.
func outage(t *testing.T, what string, err error) {
	t.Helper()
	for _, answer := range []error{nil, auth.ErrNotFound, auth.ErrConflict, auth.ErrFull, session.ErrLoggedOut} {
		if errors.Is(err, answer) {
			t.Errorf("%s: %v, want an outage", what, err)
			return
		}
	}
}

// calls are one call of each kind. Each returns its error, and an error if it
// answers wrong for a store that has seen seed.
func calls(s *sqlstore.Store, ctx context.Context) map[string]error {
	errs := map[string]error{}
	var wg sync.WaitGroup
	var mu sync.Mutex
	one := func(what string, f func() error) {
		wg.Go(func() {
			err := f()
			mu.Lock()
			defer mu.Unlock()
			errs[what] = err
		})
	}
	one("Get", func() error { _, err := s.Sessions().Get(ctx, "seed"); return err })
	one("Touch", func() error { return s.Sessions().Touch(ctx, "seed", 0) })
	one("List", func() error {
		all, err := s.Sessions().List(ctx, session.Filter{Subject: "alice"})
		if err == nil && len(all) != 1 {
			return fmt.Errorf("%d sessions of 1", len(all))
		}
		return err
	})
	one("Create", func() error {
		_, err := s.Sessions().Create(ctx, login(fmt.Sprint("new-", time.Now().UnixNano()), "bob"), 100, nil)
		return err
	})
	one("Get of a key", func() error { _, err := s.Keys().Get(ctx, "seed"); return err })
	one("Mark", func() error { _, err := s.Keys().Mark(ctx, "seed", apikey.Used, time.Now(), 0); return err })
	one("Revoke", func() error { return s.Revocations().Revoke(ctx, revocation("other")) })
	one("Revoked", func() error {
		revoked, err := s.Revocations().Revoked(ctx, token("seed"))
		if err == nil && !revoked {
			return errors.New("a revoked token is good")
		}
		return err
	})
	one("Use", func() error {
		first, err := s.Replays().Use(ctx, "client", "seed", time.Now().Add(time.Hour))
		if err == nil && first {
			return errors.New("a used proof is new")
		}
		return err
	})
	one("Debit", func() error { _, err := s.Quotas().Debit(ctx, []ratelimit.Cell{quota("alice")}); return err })
	wg.Wait()
	return errs
}

func seed(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	_, err := s.Sessions().Create(t.Context(), login("seed", "alice"), 5, nil)
	must(t, err, s.Keys().Create(t.Context(), key("seed")), s.Revocations().Revoke(t.Context(), revocation("seed")))
	_, err = s.Replays().Use(t.Context(), "client", "seed", time.Now().Add(time.Hour))
	must(t, err)
}

// recovers waits until every call works again, with the same pool and Store.
func recovers(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		var failed error
		for what, err := range calls(s, ctx) {
			if err != nil {
				failed = fmt.Errorf("%s: %w", what, err)
			}
		}
		if failed == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the store has not recovered: %v", failed)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// own starts a server that a test may harm.
func own(t *testing.T, options ...string) *engine.Server {
	t.Helper()
	engine.Need(t, engine.PostgresServer)
	s, err := engine.Postgres(t.Context(), t.TempDir(), engine.PostgresConfig{Options: options})
	must(t, err)
	t.Cleanup(s.Close)
	return s
}

// waiting returns when somebody waits for the table, and the id of the process
// that waits.
func waiting(t *testing.T, admin *sql.DB, table string) (pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		err := admin.QueryRowContext(ctx, `SELECT pid FROM pg_locks WHERE NOT granted AND relation = $1::regclass LIMIT 1`, table).Scan(&pid)
		if err == nil {
			return pid
		}
		if !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// inMidTransaction calls f while another transaction holds a table, so that f
// stops in the middle of its own. Then it calls harm with the id of the process
// that waits, and returns the error of f.
func inMidTransaction(t *testing.T, admin *sql.DB, table string, f func() error, harm func(pid int)) error {
	t.Helper()
	lock, err := admin.BeginTx(context.Background(), nil)
	must(t, err)
	defer lock.Rollback()
	_, err = lock.ExecContext(t.Context(), "LOCK TABLE "+table+" IN SHARE ROW EXCLUSIVE MODE")
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- f() }()
	harm(waiting(t, admin, table))
	return <-done
}

// small is a Store with a short Timeout.
func small(t *testing.T, url string, connections int, timeout time.Duration) (s *sqlstore.Store, db, admin *sql.DB, c sqlstore.Config) {
	t.Helper()
	admin, db = connect(t, url), connect(t, url)
	db.SetMaxOpenConns(connections)
	c = config(t, admin)
	c.Timeout = timeout
	must(t, sqlstore.Migrate(t.Context(), admin, c))
	s, err := sqlstore.New(t.Context(), db, c)
	must(t, err)
	return s, db, admin, c
}

// The server is killed in the middle of a login that replaces another, of a
// rotation and of an issue. Nobody is logged out, no key is lost or changed in
// half, and the store works again by itself.
func TestKilledInMidTransaction(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		table string
		f     func(ctx context.Context, s *sqlstore.Store) error
	}{
		"login": {"sessions", func(ctx context.Context, s *sqlstore.Store) error {
			_, err := s.Sessions().Create(ctx, login("next", "alice"), 1, []string{"seed"})
			return err
		}},
		"issue":    {"keys", func(ctx context.Context, s *sqlstore.Store) error { return s.Keys().Create(ctx, key("next")) }},
		"rotation": {"keys", func(ctx context.Context, s *sqlstore.Store) error { return rotate(ctx, s) }},
		"logout": {"marks", func(ctx context.Context, s *sqlstore.Store) error {
			return s.Keys().RevokeOwner(ctx, issuer, "bob", time.Now(), time.Now().Add(time.Hour))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := own(t)
			s, _, admin, c := small(t, server.DSN(), 8, 20*time.Second)
			seed(t, s)
			before, err := s.Keys().Get(t.Context(), "seed")
			must(t, err)
			err = inMidTransaction(t, admin, c.Schema+".bulwark_"+test.table, func() error { return test.f(t.Context(), s) }, func(int) { must(t, server.Kill()) })
			outage(t, "a call in the middle of which the server is killed", err)
			for what, err := range calls(s, t.Context()) {
				outage(t, what+" while the server is down", err)
			}
			must(t, server.Restart(t.Context()))
			recovers(t, s)
			if _, err := s.Sessions().Get(t.Context(), "next"); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("a session whose Create failed: %v", err)
			}
			after, err := s.Keys().Get(t.Context(), "seed")
			must(t, err)
			if after.Version != before.Version || len(after.Secrets) != 1 {
				t.Errorf("a key in the middle of whose rotation the server was killed has the version %d and %d secrets", after.Version, len(after.Secrets))
			}
			if _, err := s.Keys().Get(t.Context(), "next"); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("a key whose Create failed: %v", err)
			}
			must(t, test.f(t.Context(), s)) // it can be done again
		})
	}
}

func rotate(ctx context.Context, s *sqlstore.Store) error {
	rec, err := s.Keys().Get(ctx, "seed")
	if err != nil {
		return err
	}
	rec.Secrets = append([]apikey.Secret{{Hash: sha256.Sum256([]byte("next")), Pepper: 1, CreatedAt: time.Now()}}, rec.Secrets...)
	return s.Keys().Update(ctx, rec)
}

// The connection of a Create is reset in the middle of its transaction.
func TestConnectionResetInMidTransaction(t *testing.T) {
	t.Parallel()
	s, db, admin, c := small(t, server(t), 4, 20*time.Second)
	seed(t, s)
	err := inMidTransaction(t, admin, c.Schema+".bulwark_sessions", func() error {
		_, err := s.Sessions().Create(t.Context(), login("next", "alice"), 1, nil)
		return err
	}, func(pid int) {
		_, err := admin.ExecContext(t.Context(), "SELECT pg_terminate_backend($1)", pid)
		must(t, err)
	})
	outage(t, "Create whose connection is reset", err)
	recovers(t, s)
	returned(t, db)
}

// A call that waits too long ends by its Timeout, and a call whose context ends
// ends with it. Neither leaves a transaction or a lock behind.
func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	s, db, admin, c := small(t, server(t), 4, time.Second)
	seed(t, s)
	for name, ctx := range map[string]func() (context.Context, context.CancelFunc){
		"timeout":   func() (context.Context, context.CancelFunc) { return t.Context(), func() {} },
		"cancelled": func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
	} {
		ctx, cancel := ctx()
		err := inMidTransaction(t, admin, c.Schema+".bulwark_sessions", func() error {
			_, err := s.Sessions().Create(ctx, login("next", "alice"), 1, nil)
			return err
		}, func(int) { cancel() })
		cancel()
		outage(t, name, err)
		recovers(t, s)
		returned(t, db)
		if _, err := s.Sessions().Get(t.Context(), "next"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%s: a session whose Create failed: %v", name, err)
		}
	}
	var idle int
	must(t, admin.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND query LIKE '%'||$1||'%'`, c.Schema).Scan(&idle))
	if idle != 0 {
		t.Errorf("%d transactions are left open", idle)
	}
}

// The server does not answer (SIGSTOP): each call ends by its Timeout, and no
// goroutines pile up. The test runs alone, so that all goroutines are its own.
func TestStopped(t *testing.T) {
	server := own(t)
	const connections, rounds = 4, 6
	s, _, _, _ := small(t, server.DSN(), connections, time.Second)
	seed(t, s)
	recovers(t, s)
	must(t, server.Stop())
	before, most := runtime.NumGoroutine(), 0
	for range rounds {
		for what, err := range calls(s, t.Context()) {
			outage(t, what+" of a server that is stopped", err)
			if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
				t.Errorf("%s of a server that is stopped: %v", what, err)
			}
		}
		most = max(most, runtime.NumGoroutine())
	}
	// The driver closes each connection in the background.
	if most > before+10*connections {
		t.Errorf("after %d rounds of 10 calls there are %d goroutines, before %d", rounds, most, before)
	}
	must(t, server.Continue())
	recovers(t, s)
}

// All connections of the pool are in use, by somebody else in the application.
func TestPoolExhausted(t *testing.T) {
	t.Parallel()
	s, db, _, _ := small(t, server(t), 1, time.Second)
	seed(t, s)
	conn, err := db.Conn(t.Context())
	must(t, err)
	for what, err := range calls(s, t.Context()) {
		outage(t, what+" without a connection", err)
	}
	must(t, conn.Close())
	recovers(t, s)
	returned(t, db)
}

// The server has no connection left.
func TestOutOfConnections(t *testing.T) {
	t.Parallel()
	server := own(t, "max_connections=6", "superuser_reserved_connections=0", "max_wal_senders=0", "autovacuum=off")
	s, db, admin, _ := small(t, server.DSN(), 8, time.Second)
	seed(t, s)
	db.SetMaxIdleConns(0) // the pool has none
	admin.SetMaxIdleConns(0)
	db.SetMaxIdleConns(4)
	other := connect(t, server.DSN())
	var held []*sql.Conn
	for len(held) < 6 {
		conn, err := other.Conn(t.Context())
		if err != nil {
			time.Sleep(10 * time.Millisecond) // until the server has let go of the pool's
			continue
		}
		held = append(held, conn)
	}
	for what, err := range calls(s, t.Context()) {
		outage(t, what+" of a server without connections", err)
	}
	for _, conn := range held {
		must(t, conn.Close())
	}
	other.SetMaxIdleConns(0)
	recovers(t, s)
}

// The server has done what it was asked for, and its answer is lost. The call
// is an error, and can be done again.
func TestTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	target, err := url.Parse(server(t))
	must(t, err)
	proxy, err := engine.NewProxy(target.Host, 0)
	must(t, err)
	defer proxy.Close()
	target.Host = proxy.Addr()
	s, _, _, _ := small(t, target.String(), 4, time.Second)
	seed(t, s)
	recovers(t, s)
	proxy.SetFault(engine.HoldReplies)
	outage(t, "Revoke", s.Revocations().Revoke(t.Context(), revocation("lost")))
	_, err = s.Sessions().Create(t.Context(), login("lost", "alice"), 5, nil)
	outage(t, "Create", err)
	proxy.SetFault(engine.Cut)
	for what, err := range calls(s, t.Context()) {
		outage(t, what+" over a network that is cut", err)
	}
	proxy.SetFault(engine.Pass)
	recovers(t, s)
	must(t, s.Revocations().Revoke(t.Context(), revocation("lost")))
	if revoked, err := s.Revocations().Revoked(t.Context(), token("lost")); err != nil || !revoked {
		t.Errorf("revoked %t, %v", revoked, err)
	}
}
