package bench

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// SessionTrips are the round trips to a store that requests of a session need.
// In the seconds after a refresh, the first check also writes that the new
// access token has arrived, once.
type SessionTrips struct {
	Engine         string
	Check, Refresh float64
}

// SessionTrips counts them over Redis.
func (r *Redis) SessionTrips(ctx context.Context) (SessionTrips, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{r.far.addr()}, Password: r.server.Password(),
		DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1})
	if err != nil {
		return SessionTrips{}, err
	}
	defer client.Close()
	store, err := redisstore.New(ctx, redisstore.Config{Client: redisstore.Rueidis(client), Secrets: [][]byte{make([]byte, 32)}})
	if err != nil {
		return SessionTrips{}, err
	}
	return sessionTrips("Redis", store.Sessions(), r.far)
}

// PostgresSessionTrips counts them over a PostgreSQL that it starts in dir.
func PostgresSessionTrips(ctx context.Context, dir string) (SessionTrips, error) {
	server, err := engine.Postgres(ctx, dir, engine.PostgresConfig{})
	if err != nil {
		return SessionTrips{}, err
	}
	defer server.Close()
	far, err := newDelay(server.Addr(), roundTrip)
	if err != nil {
		return SessionTrips{}, err
	}
	defer far.close()
	place, err := url.Parse(server.DSN())
	if err != nil {
		return SessionTrips{}, err
	}
	place.Host = far.addr()
	db, err := sql.Open("pgx", place.String())
	if err != nil {
		return SessionTrips{}, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection prepares its statements once
	c := sqlstore.Config{Dialect: sqlstore.Postgres, Secrets: [][]byte{make([]byte, 32)}}
	if err := sqlstore.Migrate(ctx, db, c); err != nil {
		return SessionTrips{}, err
	}
	store, err := sqlstore.New(ctx, db, c)
	if err != nil {
		return SessionTrips{}, err
	}
	return sessionTrips("PostgreSQL", store.Sessions(), far)
}

// sessionTrips logs in, and then counts what checks and refreshes need.
func sessionTrips(name string, store session.Store, far *delay) (SessionTrips, error) {
	sessions, err := session.New(session.Config{Signer: ES256.signer(), Audience: audience, Store: store, StoreKeys: [][]byte{make([]byte, 32)},
		Lookup: func(_ context.Context, subject string) (*bulwark.Principal, error) {
			return &bulwark.Principal{Subject: subject}, nil
		}})
	if err != nil {
		return SessionTrips{}, err
	}
	stack, err := bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{sessions}, Optional: true})
	if err != nil {
		return SessionTrips{}, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.Issue(w, r, &bulwark.Principal{Subject: caller}); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := bulwark.PrincipalFrom(r.Context()); !ok {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	// The access token of a refresh is not looked at: that would be a check.
	outside := http.NewServeMux()
	outside.Handle("/", stack.Wrap(mux))
	outside.Handle("POST /refresh", sessions.RefreshHandler())
	browser := &browser{handler: outside, jar: map[string]*http.Cookie{}}
	trips := func(method, path string) (float64, error) {
		for i := range 2 {
			if i == 1 { // the first may load a script or prepare a statement
				far.turns.Store(0)
			}
			if status := browser.send(method, path); status != http.StatusOK {
				return 0, fmt.Errorf("%s of a session over %s is %d", path, name, status)
			}
		}
		return float64(far.turns.Load()), nil
	}
	if _, err := trips("POST", "/login"); err != nil {
		return SessionTrips{}, err
	}
	check, err := trips("GET", "/me")
	if err != nil {
		return SessionTrips{}, err
	}
	refresh, err := trips("POST", "/refresh")
	return SessionTrips{name, check, refresh}, err
}

// A browser keeps cookies.
type browser struct {
	handler http.Handler
	jar     map[string]*http.Cookie
}

func (b *browser) send(method, path string) (status int) {
	r := httptest.NewRequest(method, "https://"+host+path, nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, cookie := range b.jar {
		if strings.HasPrefix(path, cookie.Path) {
			r.AddCookie(cookie)
		}
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		b.jar[cookie.Name] = cookie
	}
	return w.Code
}
