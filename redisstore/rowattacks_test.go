package redisstore_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/redisstore"
)

const issuer = "https://issuer.example"

func loginOf(id, subject string) session.Session {
	now := time.Now()
	return session.Session{ID: id, Issuer: issuer, Subject: subject, Kind: "cookie", AuthTime: now, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		ACR: "2", Factors: map[string]time.Time{"pwd": now}, ClientIP: netip.MustParseAddr("192.0.2.7"), UserAgent: "curl/8", StoreKey: "key-1",
		Provider: session.Provider{Issuer: "https://idp.example", Subject: "24", SessionID: "08a5"}, Hash: sha256.Sum256([]byte(id)), Seal: sha256.Sum256([]byte("seal"))}
}

func keyOf(id, subject string) apikey.Record {
	now := time.Now()
	return apikey.Record{ID: id, Family: "acme_live", Name: "backup", Issuer: issuer, Subject: subject, Tier: "free", Roles: []string{"user"}, Scopes: []string{"read"},
		Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		Secrets: []apikey.Secret{{Hash: sha256.Sum256([]byte(id)), Pepper: 1, CreatedAt: now}}}
}

// A rowStore is one of the two stores that have rows.
type rowStore struct {
	name   string
	row    func(id string) string // the key of Redis
	create func(id, subject string) error
	get    func(id string) error
	list   func() error
	update func(id string) error // to another content
}

func rowStores(ctx context.Context, prefix string, store *redisstore.Store) []rowStore {
	sessions, keys := store.Sessions(), store.Keys()
	return []rowStore{{
		name: "session",
		row:  func(id string) string { return "{" + prefix + ":s}row:" + id },
		create: func(id, subject string) error {
			_, err := sessions.Create(ctx, loginOf(id, subject), 100, nil)
			return err
		},
		get:  func(id string) error { _, err := sessions.Get(ctx, id); return err },
		list: func() error { _, err := sessions.List(ctx, session.Filter{}); return err },
		update: func(id string) error {
			s, err := sessions.Get(ctx, id)
			if err == nil {
				s.Generation++
				err = sessions.Update(ctx, s)
			}
			return err
		},
	}, {
		name:   "key",
		row:    func(id string) string { return "{" + prefix + ":k}row:" + id },
		create: func(id, subject string) error { return keys.Create(ctx, keyOf(id, subject)) },
		get:    func(id string) error { _, err := keys.Get(ctx, id); return err },
		list:   func() error { _, err := keys.List(ctx, apikey.Filter{}); return err },
		update: func(id string) error {
			rec, err := keys.Get(ctx, id)
			if err == nil {
				rec.Name += "x"
				err = keys.Update(ctx, rec)
			}
			return err
		},
	}}
}

// refusedRow wants an error that is an outage and says what to look at.
func refusedRow(t *testing.T, described string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, auth.ErrNotFound) || errors.Is(err, auth.ErrConflict) || errors.Is(err, auth.ErrFull) {
		t.Errorf("%s: %v, want an outage", described, err)
		return
	}
	if !strings.Contains(err.Error(), "wrong MAC") || !strings.Contains(err.Error(), "Config.Secrets") {
		t.Errorf("%s: %v", described, err)
	}
}

// Each byte of a row but the version and the two times is under the MAC.
func TestARowThatWasChangedOpensNothing(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	for _, rows := range rowStores(t.Context(), prefix, store) {
		t.Run(rows.name, func(t *testing.T) {
			if err := errors.Join(rows.create("a", "alice"), rows.create("b", "bob"), rows.get("a"), rows.get("b")); err != nil {
				t.Fatal(err)
			}
			a := raw(t, client, rows.row("a"), "GET", rows.row("a")).(string)
			set := func(id, text string) { raw(t, client, rows.row(id), "SET", rows.row(id), text, "KEEPTTL") }
			for i := 48; i < len(a); i++ {
				for _, flip := range []byte{1, 0x80} {
					set("a", a[:i]+string([]byte{a[i] ^ flip})+a[i+1:])
					refusedRow(t, "a flipped bit", rows.get("a"))
				}
				set("a", a[:i])
				refusedRow(t, "a row that was cut", rows.get("a"))
			}
			refusedRow(t, "List of a row that was cut", rows.list())
			for _, text := range []string{"", "x", strings.Repeat("0", 48), strings.Repeat("0", 200), a + "x", a[:48] + "9" + a[49:], a[:48] + "\xff" + a[49:], "x" + a[1:]} {
				set("a", text)
				refusedRow(t, "junk in place of a row", rows.get("a"))
			}
			set("a", a)
			if err := errors.Join(rows.get("a"), rows.list()); err != nil {
				t.Errorf("the row as it was: %v", err)
			}
			// Other rows, each good in its own place.
			set("b", a)
			refusedRow(t, "a row that was copied to another id", rows.get("b"))
			raw(t, client, rows.row("new"), "SET", rows.row("new"), a)
			refusedRow(t, "a row that was planted under a new id", rows.get("new"))
		})
	}
}

// The rows of two services with one deployment key, or of two kinds, differ.
func TestARowOfAnotherStoreOpensNothing(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var here, there string
	ours := open(t, client, func(c *redisstore.Config) { here = c.Prefix })
	theirs := open(t, client, func(c *redisstore.Config) { there = c.Prefix })
	mine, others := rowStores(t.Context(), here, ours), rowStores(t.Context(), there, theirs)
	for i := range mine {
		if err := others[i].create("a", "alice"); err != nil {
			t.Fatal(err)
		}
		text := raw(t, client, others[i].row("a"), "GET", others[i].row("a")).(string)
		for _, place := range mine {
			raw(t, client, place.row("a"), "SET", place.row("a"), text)
			refusedRow(t, "a "+mine[i].name+" of another Prefix as a "+place.name, place.get("a"))
		}
	}
	text := raw(t, client, others[0].row("a"), "GET", others[0].row("a")).(string)
	raw(t, client, others[1].row("a"), "SET", others[1].row("a"), text)
	refusedRow(t, "a session as a key", others[1].get("a"))
}

func TestRowsUnderOtherSecrets(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	with := func(secrets ...byte) (*redisstore.Store, error) {
		c := redisstore.Config{Client: client, Prefix: prefix, Timeout: 10 * time.Second}
		for _, n := range secrets {
			c.Secrets = append(c.Secrets, secret(n))
		}
		return redisstore.New(t.Context(), c)
	}
	first := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	both, err := with(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, rows := range rowStores(t.Context(), prefix, first) {
		after := rowStores(t.Context(), prefix, both)[i]
		if err := errors.Join(rows.create("old", "alice"), after.create("new", "alice"), after.get("old"), after.update("new")); err != nil {
			t.Fatal(err)
		}
		refusedRow(t, "a row of a key that this process does not have", rows.get("new"))
		refusedRow(t, "List of such a row", rows.list())
		if err := errors.Join(after.update("old"), after.get("old"), after.list()); err != nil {
			t.Error(err)
		}
		refusedRow(t, "a row that was written again under a new key", rows.get("old"))
	}
	// The process with the former key does not start again, and one without it does.
	if _, err := with(1); err == nil || !strings.Contains(err.Error(), "Config.Secrets has none of the keys") {
		t.Errorf("without the newest key: %v", err)
	}
	if _, err := with(2); err != nil {
		t.Error(err)
	}
	if _, err := with(3, 2, 1); err != nil {
		t.Error(err)
	}
	if _, err := with(1, 3); err != nil {
		t.Error(err)
	}
}

// After Reseal the former key is not needed.
func TestReseal(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	before := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	ctx := t.Context()
	const n = 300 // more than a page
	for i := range n {
		_, err := before.Sessions().Create(ctx, loginOf(fmt.Sprint("s", i), "alice"), 1000, nil)
		if err := errors.Join(err, before.Keys().Create(ctx, keyOf(fmt.Sprint("k", i), "alice"))); err != nil {
			t.Fatal(err)
		}
	}
	until := time.Now().Add(time.Hour)
	if _, err := before.Keys().Mark(ctx, "k0", apikey.Used, until, 0); err != nil {
		t.Fatal(err)
	}
	held, _ := before.Sessions().Get(ctx, "s0")
	both := open(t, client, func(c *redisstore.Config) { c.Prefix, c.Secrets = prefix, [][]byte{secret(2), secret(1)} })
	for _, want := range []int{2 * n, 0} {
		if rows, err := both.Reseal(ctx); err != nil || rows != want {
			t.Errorf("%d rows, %v, want %d", rows, err, want)
		}
	}
	after := open(t, client, func(c *redisstore.Config) { c.Prefix, c.Secrets = prefix, [][]byte{secret(2)} })
	again, err := after.Sessions().Get(ctx, "s0")
	if err != nil || !again.RefreshedAt.Equal(held.RefreshedAt) || !again.UsedAt.Equal(held.UsedAt) || again.Hash != held.Hash || again.Version == held.Version {
		t.Errorf("%+v after %+v, %v", again, held, err)
	}
	rec, err := after.Keys().Get(ctx, "k0")
	if err != nil || !rec.LastUsed.Equal(until.Truncate(time.Microsecond)) {
		t.Errorf("LastUsed %v, %v", rec.LastUsed, err)
	}
	if all, err := after.Keys().List(ctx, apikey.Filter{}); err != nil || len(all) != n {
		t.Errorf("%d keys, %v", len(all), err)
	}
	if rows, err := before.Reseal(ctx); err == nil {
		t.Errorf("without the newest key: %d rows, nil", rows)
	}
	whole(t, client, prefix, false)
}

// A MAC does not show that a row is old or gone. These are the limits that the
// package comment names.
func TestWhatAMACDoesNotShow(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	for _, rows := range rowStores(t.Context(), prefix, store) {
		if err := rows.create("a", "alice"); err != nil {
			t.Fatal(err)
		}
		old := raw(t, client, rows.row("a"), "GET", rows.row("a")).(string)
		if err := rows.update("a"); err != nil {
			t.Fatal(err)
		}
		raw(t, client, rows.row("a"), "SET", rows.row("a"), old)
		if err := rows.get("a"); err != nil {
			t.Errorf("%s: an old row in its own place: %v", rows.name, err)
		}
		raw(t, client, rows.row("a"), "DEL", rows.row("a"))
		if err := rows.get("a"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%s: a row that somebody has deleted: %v", rows.name, err)
		}
	}
	// An old row does not outlast its own end, which is under the MAC.
	sessions := store.Sessions()
	s := loginOf("ends", "alice")
	s.ExpiresAt = time.Now().Add(-time.Minute)
	long := loginOf("ends", "alice")
	if _, err := sessions.Create(t.Context(), long, 5, nil); err != nil {
		t.Fatal(err)
	}
	raw(t, client, "{"+prefix+":s}", "PERSIST", "{"+prefix+":s}row:ends")
	held, err := sessions.Get(t.Context(), "ends")
	if err != nil || !held.ExpiresAt.Equal(long.ExpiresAt.Truncate(time.Microsecond)) {
		t.Errorf("ExpiresAt %v of a row without its TTL, %v, want %v", held.ExpiresAt, err, long.ExpiresAt)
	}
	// A mark that somebody adds refuses more, and never less.
	store.Revocations().Revoke(t.Context(), auth.Revocation{Issuer: issuer, TokenID: "t"})
	raw(t, client, "{"+prefix+":r}", "ZADD", "{"+prefix+":r}marks", "9007199254740991", "t"+strings.Repeat("x", 22))
	if revoked, err := store.Revocations().Revoked(t.Context(), &bulwark.Principal{Issuer: issuer, TokenID: "other"}); err != nil || revoked {
		t.Errorf("%t, %v", revoked, err)
	}
}
