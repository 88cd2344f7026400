package session_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/race"
)

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	s := start(t, nil)
	tok := s.login(t, "alice")
	for name, header := range map[string][2]string{
		"cookie": {"Cookie", "theme=dark; " + access + "=" + tok.access}, "bearer": {"Authorization", "Bearer " + tok.bearer},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set(header[0], header[1])
			got := testing.AllocsPerRun(1000, func() {
				if s.Detect(r) == 0 {
					t.Fatal("not detected")
				}
				if _, err := s.Authenticate(r); err != nil {
					t.Fatal(err)
				}
			})
			if got > 1 {
				t.Errorf("%v allocations, want at most 1", got)
			}
		})
	}
}

// Nothing but the token itself is accepted, and whatever else comes changes
// nothing.
func FuzzRefreshCookie(f *testing.F) {
	s := start(f, nil)
	good := s.login(f, "alice").refresh
	held, err := s.List(f.Context(), session.Filter{Subject: "alice"})
	if err != nil || len(held) != 1 {
		f.Fatal(held, err)
	}
	for _, seed := range []string{"", good[:91], good + "=", good + "; " + refresh + "=x", `"` + good + `"`,
		"x; " + refresh + "=" + good, forged(good, ""), strings.Repeat("A", 92), good[:10] + "\r\n" + good[12:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		first, rest, _ := strings.Cut(value, ";")
		if strings.Trim(first, " \t") == good && !strings.Contains(rest, refresh) {
			t.Skip("the token itself")
		}
		a := s.refresh(value)
		if a.StatusCode != 401 || len(a.Header.Values("Set-Cookie")) > 0 {
			t.Fatalf("%q: status %d, cookies %q", value, a.StatusCode, a.Header.Values("Set-Cookie"))
		}
		if now, err := s.List(t.Context(), session.Filter{Subject: "alice"}); err != nil || len(now) != 1 || now[0].Version != held[0].Version || now[0].Generation != held[0].Generation {
			t.Fatalf("%q changed the session to %+v", value, now)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	s := start(b, nil)
	tok := s.login(b, "alice")
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", access+"="+tok.access)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Authenticate(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnknownSecret is the most that a made-up refresh token can cost: its
// session is known and old.
func BenchmarkUnknownSecret(b *testing.B) {
	for _, generations := range []int{0, 672, 2048} {
		b.Run(fmt.Sprint(generations), func(b *testing.B) {
			s := start(b, nil)
			tok := s.login(b, "alice")
			held, err := s.store.Get(b.Context(), segment(b, tok.access, 1)["sid"].(string))
			if err != nil {
				b.Fatal(err)
			}
			held.Generation = generations
			if err := s.store.Update(b.Context(), held); err != nil {
				b.Fatal(err)
			}
			forged := forged(tok.refresh, "")
			b.ReportAllocs()
			for b.Loop() {
				s.refresh(forged)
			}
		})
	}
}

func BenchmarkLogin(b *testing.B) {
	s := start(b, func(c *session.Config) { c.MaxSessions = 1 })
	r := httptest.NewRequest("POST", "/", nil)
	r, scope := bulwark.Enter(r)
	r, _ = scope.Record(r, s.events, "", "")
	alice := &bulwark.Principal{Subject: "alice", Roles: []string{"user"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Issue(httptest.NewRecorder(), r, alice); err != nil {
			b.Fatal(err)
		}
		s.events.Take()
	}
}

// Nothing but the token itself is accepted in a body.
func FuzzRefreshBody(f *testing.F) {
	s := native(f, nil)
	good := s.nativeLogin(f, "alice").refresh
	for _, seed := range []string{"", "{}", tokenBody(""), tokenBody(good)[1:], tokenBody(good) + tokenBody(good), `{"refresh_token":"` + good + `","x":1}`,
		`{"refresh_token":["` + good + `"]}`, `{"refresh_token":"\u00` + good + `"}`, tokenBody(forged(good, "")), `{"Refresh_token":"` + good + `"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		a := s.send("/refresh", asJSON, body)
		var sent map[string]any
		if json.Unmarshal([]byte(body), &sent) == nil && len(sent) == 1 && sent["refresh_token"] == good {
			t.Skip("the token itself")
		}
		if a.StatusCode < 400 || a.StatusCode > 415 || len(a.Header.Values("Set-Cookie")) > 0 {
			t.Fatalf("%q: status %d, cookies %q", body, a.StatusCode, a.Header.Values("Set-Cookie"))
		}
		if now, err := s.List(t.Context(), session.Filter{Subject: "alice"}); err != nil || len(now) != 1 || now[0].Generation != 0 {
			t.Fatalf("%q changed the session to %+v", body, now)
		}
	})
}
