package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark/examples/internal/documents"
	"github.com/bulwark-go/bulwark/examples/internal/documents/storetest"
	"github.com/bulwark-go/bulwark/internal/engine"
)

// tables runs a test over SQLite and over PostgreSQL, with empty tables.
func tables(t *testing.T, test func(*testing.T, table)) {
	for _, driver := range []string{"sqlite", "pgx"} {
		t.Run(driver, func(t *testing.T) {
			d := sqliteFile(filepath.Join(t.TempDir(), "test.db"))
			if driver == "pgx" {
				engine.Need(t, engine.PostgresServer)
				s, err := engine.Postgres(t.Context(), t.TempDir(), engine.PostgresConfig{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(s.Close)
				d = database{"pgx", s.DSN()}
			}
			if err := migrate(t.Context(), settings{Database: d}); err != nil {
				t.Fatal(err)
			}
			db, err := d.open()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			test(t, table{db, d.Driver})
		})
	}
}

func TestAccounts(t *testing.T) {
	tables(t, func(t *testing.T, tb table) {
		ctx, p := t.Context(), people{tb}
		one := documents.Account{ID: "u_1", Email: "a@example.com", Name: "A", Role: "user", Salt: []byte{0, 1}, Hash: []byte{2, 0}}

		// Of many sign-ups with one address, one gets it.
		var mu sync.Mutex
		var all sync.WaitGroup
		added, taken := 0, 0
		for i := range 20 {
			all.Go(func() {
				each := one
				each.ID = fmt.Sprint("u_", i)
				err := p.Add(ctx, each)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					added++
				case errors.Is(err, documents.ErrEmailTaken):
					taken++
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if added != 1 || taken != 19 {
			t.Fatalf("%d of 20 sign-ups were added and %d refused", added, taken)
		}
		if err := p.Room(ctx, one.Email); !errors.Is(err, documents.ErrEmailTaken) {
			t.Errorf("room for a taken address: %v", err)
		}
		found, err := p.ByEmail(ctx, one.Email)
		if err != nil || found == nil || found.Name != "A" || string(found.Salt) != "\x00\x01" || string(found.Hash) != "\x02\x00" {
			t.Fatalf("account %+v, %v", found, err)
		}
		if again, err := p.Get(ctx, found.ID); err != nil || again == nil || again.Email != one.Email {
			t.Errorf("by id: %+v, %v", again, err)
		}
		for _, missing := range []string{"", "u_99", "A@EXAMPLE.COM"} {
			byID, err := p.Get(ctx, missing)
			byEmail, errs := p.ByEmail(ctx, missing)
			if byID != nil || byEmail != nil || err != nil || errs != nil {
				t.Errorf("%q is found: %v %v, %v %v", missing, byID, byEmail, err, errs)
			}
		}
		devices(t, p, found.ID)
		if page, total, err := p.List(ctx, 10, 0); err != nil || total != 1 || len(page) != 1 {
			t.Errorf("list %v of %d, %v", page, total, err)
		}
		if page, total, err := p.List(ctx, 10, 1); err != nil || total != 1 || len(page) != 0 {
			t.Errorf("second page %v of %d, %v", page, total, err)
		}
		closed, err := p.Close(ctx, found.ID)
		if err != nil || closed == nil || closed.Email != one.Email {
			t.Fatalf("closed %+v, %v", closed, err)
		}
		if again, err := p.Close(ctx, found.ID); again != nil || err != nil {
			t.Errorf("closed twice: %+v, %v", again, err)
		}
		if id, err := p.Owner(ctx, documents.Device{30}); id != "" || err != nil {
			t.Errorf("a closed account knows a device: %q, %v", id, err)
		}
		if err := p.Add(ctx, one); err != nil {
			t.Errorf("the address of a closed account: %v", err)
		}
	})
}

// devices of an account are bounded, and the oldest one is forgotten first.
func devices(t *testing.T, p people, id string) {
	t.Helper()
	ctx := t.Context()
	for i := range documents.MaxDevices + 11 {
		if err := p.Remember(ctx, id, documents.Device{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range map[byte]string{0: "", 10: "", 11: id, 30: id, 31: ""} {
		if owner, err := p.Owner(ctx, documents.Device{i}); owner != want || err != nil {
			t.Errorf("device %d belongs to %q, want %q (%v)", i, owner, want, err)
		}
	}
	if err := p.Forget(ctx, documents.Device{29}); err != nil {
		t.Fatal(err)
	}
	if owner, err := p.Owner(ctx, documents.Device{29}); owner != "" || err != nil {
		t.Errorf("a forgotten device belongs to %q (%v)", owner, err)
	}
	if err := p.Remember(ctx, "u_closed", documents.Device{99}); err != nil {
		t.Errorf("a device of an account that was closed: %v", err)
	}
}

// A database that does not answer is an outage, which is answered with 503, and
// never a wrong answer.
func TestAnOutageIsNoAnswer(t *testing.T) {
	tables(t, func(t *testing.T, tb table) {
		tb.db.Close()
		ctx, p, s := t.Context(), people{tb}, shelf{tb, documents.DefaultBounds}
		for name, call := range map[string]func() error{
			"ByEmail": func() error { _, err := p.ByEmail(ctx, "a"); return err },
			"Get":     func() error { _, err := p.Get(ctx, "a"); return err },
			"Close":   func() error { _, err := p.Close(ctx, "a"); return err },
			"Add":     func() error { return p.Add(ctx, documents.Account{}) },
			"List":    func() error { _, _, err := p.List(ctx, 1, 0); return err },
			"Owner":   func() error { _, err := p.Owner(ctx, documents.Device{}); return err },
			"read":    func() error { _, err := s.Get(ctx, "a"); return err },
			"all":     func() error { _, _, err := s.List(ctx, nil, 1, 0); return err },
		} {
			if err := call(); !errors.Is(err, documents.ErrUnavailable) || errors.Is(err, documents.ErrNoDocument) {
				t.Errorf("%s: %v, want an outage", name, err)
			}
		}
	})
}

// An app asks the API over the tables, in this process.
type app struct {
	t       *testing.T
	handler *documents.App
	pass    string
}

func newApp(t *testing.T, tb table, bounds documents.Bounds) *app {
	t.Helper()
	shared, err := documents.Alone()
	if err != nil {
		t.Fatal(err)
	}
	shared.Accounts, shared.Documents = people{tb}, shelf{tb, bounds}
	made, err := documents.New(documents.Config{
		BaseURL: "http://localhost", Hosts: []string{"localhost"}, Origins: []string{"https://app.example.com"},
		Logger: slog.New(slog.DiscardHandler), Shared: shared,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutDown(made) })
	seeds, err := made.Seed(context.Background(), io.Discard, false)
	if err != nil {
		t.Fatal(err)
	}
	return &app{t, made, seeds.Password}
}

func TestDocuments(t *testing.T) {
	tables(t, func(t *testing.T, tb table) {
		a := newApp(t, tb, documents.Bounds{Documents: 5, Bytes: 1 << 20, OwnDocuments: 3, OwnBytes: 4000})
		server := httptest.NewServer(a.handler.Handler())
		t.Cleanup(server.Close)
		c := newClient(strings.Replace(server.URL, "127.0.0.1", "localhost", 1))
		do := func(method, path string, body any, l login) reply {
			t.Helper()
			got, err := c.do(t.Context(), method, path, body, l.cookie())
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		var logins []login
		for _, name := range []string{"alice", "mallory", "root"} {
			l, err := c.login(t.Context(), name, a.pass)
			if err != nil {
				t.Fatal(err)
			}
			logins = append(logins, l)
		}
		alice, mallory, root := logins[0], logins[1], logins[2]
		draft := func(n int) map[string]string {
			return map[string]string{"title": "T", "content": strings.Repeat("a", n)}
		}
		var paths []string
		for i, want := range []int{201, 201, 201, 409} {
			got := do("POST", "/documents", draft(100), alice)
			if got.status != want {
				t.Fatalf("document %d: %v, want %d", i, got.unexpected(), want)
			}
			paths = append(paths, got.header.Get("Location"))
		}
		if got := do("PATCH", paths[0], map[string]string{"content": strings.Repeat("b", 3000)}, alice); got.status != 409 {
			t.Errorf("a document that outgrows the share: %v, want 409", got.unexpected())
		}
		if got := do("PUT", paths[0], draft(50), alice); got.status != 200 || len(got.body["content"].(string)) != 50 {
			t.Errorf("a smaller document: %v", got.unexpected())
		}
		for i, want := range []int{201, 201, 503} {
			if got := do("POST", "/documents", draft(1), mallory); got.status != want {
				t.Errorf("document %d of another owner: %v, want %d", i, got.unexpected(), want)
			}
		}
		if got := do("GET", paths[0], nil, mallory); got.status != 404 {
			t.Errorf("a document of somebody else: %v", got.unexpected())
		}
		if got := do("GET", "/documents?limit=2&offset=0", nil, alice); got.header.Get("X-Total-Count") != "3" || titles(got) != 2 {
			t.Errorf("own documents: %v %v", got.header, got.body)
		}
		if got := do("GET", "/documents?limit=10&offset=1", nil, root); got.header.Get("X-Total-Count") != "5" || titles(got) != 4 {
			t.Errorf("all documents: %v %v", got.header, got.body)
		}
		if got := do("DELETE", paths[1], nil, root); got.status != 204 {
			t.Errorf("delete: %v", got.unexpected())
		}
		if got := do("GET", paths[1], nil, alice); got.status != 404 {
			t.Errorf("a deleted document: %v", got.unexpected())
		}
		var mu sync.Mutex
		var all sync.WaitGroup
		statuses := map[int]int{}
		for i := range 8 {
			all.Go(func() {
				got, err := c.do(t.Context(), "PUT", paths[0], draft(i), alice.cookie())
				mu.Lock()
				defer mu.Unlock()
				if statuses[got.status]++; err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if statuses[200] < 1 || statuses[200]+statuses[409] != 8 {
			t.Errorf("eight writes at once: %v, want 200 and 409", statuses)
		}
	})
}

// Nothing is written without the grant of the caller and of the request.
func TestTheShelfTakesGrants(t *testing.T) {
	tables(t, func(t *testing.T, tb table) { storetest.Grants(t, shelf{tb, documents.DefaultBounds}) })
}

func titles(got reply) int {
	items, _ := got.body["items"].([]any)
	return len(items)
}
