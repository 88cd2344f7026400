package detect_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/detect"
	"github.com/bulwark-go/bulwark/internal/secrettest"
)

const testKey = "0123456789abcdef0123456789abcdef"

// The pseudonym is the HMAC of the name with the key, and spellings that are
// one name are one account.
func TestAccount(t *testing.T) {
	d := made(t, detect.Config{AccountKey: audit.NewSecret(testKey)})
	sum := hmac.New(sha256.New, []byte(testKey))
	sum.Write([]byte("alice@example.com"))
	want := hex.EncodeToString(sum.Sum(nil))[:32]
	for _, name := range []string{"alice@example.com", "Alice@Example.COM", "  alice@example.com\t\n"} {
		if got := d.Account(name); got.Key != "account" || got.Value.String() != want {
			t.Errorf("%q is %v, want %s", name, got, want)
		}
	}
	for _, name := range []string{"alice", "alice@example.org", "alice@example.com.", "alicé@example.com", "\x00alice@example.com", "alice @example.com"} {
		if got := d.Account(name).Value.String(); got == want || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(got) {
			t.Errorf("%q is %q", name, got)
		}
	}
	for _, name := range []string{"", " ", "\t\n"} {
		if got := d.Account(name); got.Key != "" {
			t.Errorf("%q is %v", name, got)
		}
	}
	if got := d.Account(strings.Repeat("x", 1<<20)).Value.String(); len(got) != 32 {
		t.Errorf("a long name is %q", got)
	}
}

// With a key, the pseudonym is the same in every process. Without one it is
// not.
func TestAccountKey(t *testing.T) {
	keyed := detect.Config{AccountKey: audit.NewSecret(testKey)}
	if a, b := made(t, keyed).Account("alice"), made(t, keyed).Account("alice"); !a.Equal(b) {
		t.Errorf("%v and %v", a, b)
	}
	if a, b := made(t, detect.Config{}).Account("alice"), made(t, detect.Config{}).Account("alice"); a.Equal(b) {
		t.Errorf("twice %v", a)
	}
	if text := secrettest.Logged(keyed); strings.Contains(text, testKey) || strings.Contains(text, hex.EncodeToString([]byte(testKey))) {
		t.Errorf("a Config shows its key: %s", text)
	}
	keyed.MaxActors = 64
	if text := secrettest.Logged(made(t, keyed)); strings.Contains(text, testKey) || strings.Contains(text, hex.EncodeToString([]byte(testKey))) || strings.Contains(text, "48 49 50 51 52") {
		t.Error("a Detector shows its key")
	}
}

// The account of a login is the attribute, else the user that the event names.
func TestAccountOfEvents(t *testing.T) {
	named := func(attr slog.Attr, issuer, user string) bulwark.Event {
		e := bulwark.Event{Name: bulwark.AuthnLoginFail, Issuer: issuer, UserID: user}
		e.Attrs[2] = attr
		return e
	}
	none := slog.Attr{}
	for _, test := range []struct {
		name string
		a, b bulwark.Event
		same bool
	}{
		{"attribute", named(slog.String("account", "x"), "", ""), named(slog.String("account", "x"), "i", "u"), true},
		{"other_attribute", named(slog.String("account", "x"), "", ""), named(slog.String("account", "y"), "", ""), false},
		{"user", named(none, "i", "u"), named(none, "i", "u"), true},
		{"other_user", named(none, "i", "u"), named(none, "i", "v"), false},
		{"other_issuer", named(none, "i", "u"), named(none, "j", "u"), false},
		{"joined", named(none, "i", "u"), named(none, "u", "i"), false},
		{"nobody", named(none, "", ""), named(none, "", ""), false},
		{"another_key", named(slog.String("name", "x"), "", ""), named(slog.String("name", "x"), "", ""), false},
		{"not_a_text", named(slog.Int("account", 5), "", ""), named(slog.Int("account", 5), "", ""), false},
		{"empty", named(slog.String("account", ""), "", ""), named(slog.String("account", ""), "", ""), false},
	} {
		var seen anomalies
		d := made(t, detect.Config{OnAnomaly: seen.add})
		for i := range 6 {
			if i%2 == 0 {
				d.Record(t.Context(), test.a)
			} else {
				d.Record(t.Context(), test.b)
			}
		}
		if got := len(seen.all) > 0; got != test.same {
			t.Errorf("%s: counted together: %v", test.name, got)
		}
	}
}

// A failed login that names its user is not an act of that user. The record of
// an anomaly names the user only where the user is the account.
func TestUserOfAFailedLogin(t *testing.T) {
	d := made(t, detect.Config{})
	m, records := layer(t, d)
	for range 5 {
		e := failure(d, "192.0.2.1", "")
		e.Issuer, e.UserID = "https://login.example.com", "alice"
		m.Record(t.Context(), e)
	}
	got := own(records())
	if len(got) != 2 || got[0]["userId"] != "" || got[0]["issuer"] != nil || got[1]["userId"] != "alice" || got[1]["account"] != nil {
		t.Errorf("%v", got)
	}
}
