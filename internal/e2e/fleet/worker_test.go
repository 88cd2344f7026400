package fleet_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"
	_ "modernc.org/sqlite"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// variable holds the setup of a process.
const variable = "BULWARK_FLEET"

func TestMain(m *testing.M) {
	if text := os.Getenv(variable); text != "" {
		if err := serve(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// A setup says what a process serves, over which engine.
type setup struct {
	Engine        string   // redis, cluster, sentinel, postgres or sqlite
	Addrs         []string // of Redis
	Password      string
	DSN           string // of a database
	Prefix        string
	Outage        redisstore.Outage
	Instances     int
	LimitsTimeout time.Duration // default: 10 seconds, for a busy machine
	StateTimeout  time.Duration // default: 10 seconds
	WriteTimeout  time.Duration // of the client of Redis, default: 1 second
	Replicas      int
	Limits, State bool
}

// Shared by all processes of a fleet.
var (
	deployment = []byte("0123456789abcdef0123456789abcdef")
	signingKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
)

const audience = "https://fleet.example.com"

// A process serves limits and state over one engine.
type process struct {
	limits      ratelimit.Store
	sessions    *session.Sessions
	keys        *apikey.Keys
	revocations auth.Revocations
	replays     dpop.Replays
	sweep       func(context.Context) error
	events      events
	registry    *prometheus.Registry
}

// serve serves what text says, and ends with its standard input.
func serve(text string) error {
	var s setup
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	s.LimitsTimeout, s.StateTimeout = cmp.Or(s.LimitsTimeout, 10*time.Second), cmp.Or(s.StateTimeout, 10*time.Second)
	handler, err := newProcess(s)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	go http.Serve(listener, handler)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func newProcess(s setup) (http.Handler, error) {
	collector, err := metrics.New(metrics.Config{Policies: []string{"hot"}})
	if err != nil {
		return nil, err
	}
	p := &process{registry: prometheus.NewRegistry()}
	p.events.next = collector
	if err := errors.Join(p.registry.Register(collector), p.connect(s)); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	parts := []bulwark.Builder{audit.Config{Logger: slog.New(slog.DiscardHandler), Observers: []bulwark.Recorder{&p.events}}}
	if s.Limits {
		if err := p.serveLimits(mux, s); err != nil {
			return nil, err
		}
	}
	if s.State {
		p.serveState(mux)
		parts = append(parts, auth.Config{Authenticators: []auth.Authenticator{p.sessions, p.keys}, Optional: true})
	}
	stack, err := bulwark.Chain(parts...)
	if err != nil {
		return nil, err
	}
	root := http.NewServeMux()
	root.HandleFunc("GET /debug", p.debug)
	root.Handle("/", stack.Wrap(mux))
	return root, nil
}

// connect opens the stores.
func (p *process) connect(s setup) error {
	if s.Engine == "postgres" || s.Engine == "sqlite" {
		return p.connectSQL(s)
	}
	option := rueidis.ClientOption{InitAddress: s.Addrs, Password: s.Password, DisableCache: true, ConnWriteTimeout: cmp.Or(s.WriteTimeout, time.Second),
		ForceSingleClient: s.Engine == "redis"}
	if s.Engine == "sentinel" {
		option.Sentinel = rueidis.SentinelOption{MasterSet: engine.PrimaryName, Password: s.Password, TopologyRefreshInterval: time.Second}
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		return err
	}
	if s.Limits {
		p.limits, err = redisstore.NewLimits(redisstore.LimitsConfig{Client: redisstore.Rueidis(client), Secret: deployment, Prefix: "rl" + s.Prefix,
			Timeout: s.LimitsTimeout, OnOutage: s.Outage, Instances: s.Instances, Recorder: &p.events})
		if err != nil {
			return err
		}
	}
	if s.State {
		store, err := redisstore.New(context.Background(), redisstore.Config{Client: redisstore.Rueidis(client), Secrets: [][]byte{deployment},
			Prefix: "st" + s.Prefix, Timeout: s.StateTimeout, Replicas: s.Replicas})
		if err != nil {
			return err
		}
		return p.open(store)
	}
	return nil
}

func (p *process) connectSQL(s setup) error {
	driver, dialect := "pgx", sqlstore.Postgres
	if s.Engine == "sqlite" {
		driver, dialect = "sqlite", sqlstore.SQLite
	}
	db, err := sql.Open(driver, s.DSN)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(16)
	c := sqlstore.Config{Dialect: dialect, Secrets: [][]byte{deployment}, Timeout: s.StateTimeout, MinWindow: time.Second}
	// All processes of a fleet may start at once.
	if err := sqlstore.Migrate(context.Background(), db, c); err != nil {
		return err
	}
	store, err := sqlstore.New(context.Background(), db, c)
	if err != nil {
		return err
	}
	p.limits = store.Quotas()
	return p.open(store)
}

// A store is what redisstore and sqlstore have in common.
type store interface {
	Sessions() session.Store
	Keys() apikey.Store
	Revocations() auth.Revocations
	Replays() dpop.Replays
	Sweep(context.Context) error
}

func (p *process) open(s store) error {
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: signingKey, Issuer: audience})
	if err != nil {
		return err
	}
	p.sessions, err = session.New(session.Config{Signer: signer, Audience: audience, Store: s.Sessions(), StoreKeys: [][]byte{deployment},
		Lookup: func(_ context.Context, subject string) (*bulwark.Principal, error) {
			return &bulwark.Principal{Subject: subject}, nil
		}})
	if err != nil {
		return err
	}
	p.keys, err = apikey.New(apikey.Config{Prefix: "fleet", Issuer: audience + "/keys", Store: s.Keys(),
		Peppers: []apikey.Pepper{{Version: 1, Key: deployment}}})
	p.revocations, p.replays, p.sweep = s.Revocations(), s.Replays(), s.Sweep
	return err
}

// serveLimits serves GET /hot, a limit for each header X-Key, and POST /debit,
// which takes from any cell.
func (p *process) serveLimits(mux *http.ServeMux, s setup) error {
	mux.HandleFunc("POST /debit", p.debit)
	if s.DSN != "" {
		return nil // a database has no limits a request
	}
	for name, rate := range rates {
		limit, err := ratelimit.New(ratelimit.Config{Name: name, Rate: rate, Store: p.limits,
			Key: ratelimit.KeyFunc(func(r *http.Request) string { return r.Header.Get("X-Key") })})
		if err != nil {
			return err
		}
		mux.Handle("GET /hot/"+name, limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) })))
	}
	return nil
}

// rates of the limits at /hot. Nothing of their windows is restored during a
// test.
var rates = map[string]ratelimit.Rate{
	"gcra": "200/8760h", "fixed-window": "200/8760h,fixed-window", "sliding-log": "64/8760h,sliding-log",
	"several": "200/8760h; 150/4380h,fixed-window; 1000/2190h",
}

func (p *process) debit(w http.ResponseWriter, r *http.Request) {
	cell, err := cellOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	cells := []ratelimit.Cell{cell}
	ok, err := p.limits.Debit(r.Context(), cells)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	case !ok:
		w.WriteHeader(http.StatusTooManyRequests)
	}
	json.NewEncoder(w).Encode(map[string]any{"remaining": cells[0].Standing.Remaining, "wait": cells[0].Standing.Wait.String()})
}

// cellOf reads a cell from the query: algorithm, limit, window and key.
func cellOf(r *http.Request) (ratelimit.Cell, error) {
	q := r.URL.Query()
	algorithm, err1 := strconv.Atoi(q.Get("algorithm"))
	limit, err2 := strconv.ParseInt(q.Get("limit"), 10, 64)
	window, err3 := time.ParseDuration(q.Get("window"))
	policy := ratelimit.Policy{Name: "p" + q.Get("algorithm"), Algorithm: ratelimit.Algorithm(algorithm), Limit: limit, Burst: limit, Window: window}
	return ratelimit.Cell{Policy: policy, Key: []byte(q.Get("key")), Cost: 1}, errors.Join(err1, err2, err3)
}

// serveState serves logins, API keys, revocations and used proofs.
func (p *process) serveState(mux *http.ServeMux) {
	answer := func(do func(r *http.Request) (any, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			v, err := do(r)
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			json.NewEncoder(w).Encode(v)
		}
	}
	unavailable := func(err error) error {
		if err != nil {
			return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "fleet.unavailable", Err: err}
		}
		return nil
	}
	mux.Handle("POST /refresh", p.sessions.RefreshHandler())
	mux.Handle("POST /logout", p.sessions.LogoutHandler())
	mux.HandleFunc("POST /login", answer(func(r *http.Request) (any, error) {
		return p.sessions.IssueTokens(r, &bulwark.Principal{Subject: r.FormValue("subject")})
	}))
	mux.HandleFunc("POST /logout-all", answer(func(r *http.Request) (any, error) {
		return nil, p.sessions.RevokeAll(r.Context(), r.FormValue("subject"))
	}))
	mux.HandleFunc("GET /sessions", answer(func(r *http.Request) (any, error) {
		return p.sessions.List(r.Context(), session.Filter{Subject: r.FormValue("subject")})
	}))
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		caller, ok := bulwark.PrincipalFrom(r.Context())
		if !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"subject": caller.Subject})
	})
	mux.HandleFunc("POST /keys", answer(func(r *http.Request) (any, error) { return p.keys.Issue(r.Context(), apikey.Grant{Name: "e2e"}) }))
	mux.HandleFunc("GET /keys", answer(func(r *http.Request) (any, error) { return p.keys.List(r.Context(), apikey.Filter{}) }))
	mux.HandleFunc("POST /keys/rotate", answer(func(r *http.Request) (any, error) {
		overlap, err := time.ParseDuration("0" + r.FormValue("overlap"))
		if err != nil {
			return nil, err
		}
		return p.keys.Rotate(r.Context(), r.FormValue("id"), overlap)
	}))
	mux.HandleFunc("POST /keys/revoke", answer(func(r *http.Request) (any, error) {
		return nil, p.keys.Revoke(r.Context(), r.FormValue("id"))
	}))
	mux.HandleFunc("POST /revoke", answer(func(r *http.Request) (any, error) {
		return nil, unavailable(p.revocations.Revoke(r.Context(), auth.Revocation{Issuer: audience, TokenID: r.FormValue("token"), Expires: time.Now().Add(30 * time.Minute)}))
	}))
	mux.HandleFunc("GET /revoked", answer(func(r *http.Request) (any, error) {
		revoked, err := p.revocations.Revoked(r.Context(), &bulwark.Principal{Issuer: audience, Subject: "a", TokenID: r.FormValue("token")})
		return map[string]bool{"yes": revoked}, unavailable(err)
	}))
	mux.HandleFunc("POST /proof", answer(func(r *http.Request) (any, error) {
		first, err := p.replays.Use(r.Context(), "client", r.FormValue("id"), time.Now().Add(90*time.Minute))
		return map[string]bool{"first": first}, unavailable(err)
	}))
}

// debug shows the events of the process, its metrics, and which goroutines run
// code of the module or of the client of Redis.
func (p *process) debug(w http.ResponseWriter, _ *http.Request) {
	families, err := p.registry.Gather()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	counted := map[string]float64{}
	for _, family := range families {
		if family.GetName() == "security_events_total" {
			for _, metric := range family.GetMetric() {
				counted[metric.GetLabel()[0].GetValue()] = metric.GetCounter().GetValue()
			}
		}
	}
	b := make([]byte, 16<<20)
	own, all := 0, 0
	var shown []string
	// Of ours may run: this handler, the process itself, and the one goroutine of
	// the audit layer that writes its log.
	known := []string{"(*process).debug", "fleet_test.serve", "audit.(*delivery).run"}
	for _, stack := range bytes.Split(b[:runtime.Stack(b, true)], []byte("\n\n")) {
		all++
		if bytes.Contains(stack, []byte("github.com/bulwark-go/bulwark/")) && !slices.ContainsFunc(known, func(name string) bool { return bytes.Contains(stack, []byte(name)) }) {
			own++
			shown = append(shown, string(stack))
		}
	}
	json.NewEncoder(w).Encode(debugging{Events: p.events.list(), Counted: counted, Own: own, All: all, Shown: strings.Join(shown, "\n\n")})
}

type debugging struct {
	Events   []string // reasons
	Counted  map[string]float64
	Own, All int    // goroutines
	Shown    string // the stacks of our own goroutines
}

// events keeps the reasons of what it records, and counts them.
type events struct {
	next    bulwark.Recorder
	mu      sync.Mutex
	reasons []string
}

func (e *events) Record(ctx context.Context, event bulwark.Event) {
	e.next.Record(ctx, event)
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.reasons) < 10_000 {
		e.reasons = append(e.reasons, event.Reason)
	}
}

func (e *events) list() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string{}, e.reasons...)
}
