package audit_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// A flood of requests without credentials is twenty lines and a counted one,
// written though nothing comes afterwards.
func TestFloodOfAnonymousRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newLog()
		m := build(t, audit.Config{Logger: slog.New(out)})
		h := m.Wrap(deny(bulwark.Problem{Status: 401, Code: "auth.required", Log: bulwark.ProblemLog{Rule: "all"}}))
		begin := time.Now().UTC()
		for i := range 500 {
			h.ServeHTTP(httptest.NewRecorder(), request("GET", fmt.Sprintf("/documents/%d", i)))
			time.Sleep(10 * time.Millisecond)
		}
		end := time.Now().UTC()
		synctest.Wait()
		if got := out.records(t); len(got) != 20 {
			t.Fatalf("%d lines at once, want 20", len(got))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		got := out.records(t)
		if len(got) != 21 || occurrences(got) != 500 {
			t.Fatalf("%d lines for %d occurrences: %s", len(got), occurrences(got), out)
		}
		last := got[20]
		for key, want := range map[string]any{"type": "security", "event": "authz_fail", "ip": "192.0.2.1", "userId": "", "path": "", "method": "GET",
			"reason": "auth.required", "rule": "all", "status": 401.0, "count": 480.0, "requestId": nil} {
			if last[key] != want {
				t.Errorf("%s is %v, want %v", key, last[key], want)
			}
		}
		first, _ := time.Parse(time.RFC3339, last["first"].(string))
		until, _ := time.Parse(time.RFC3339, last["last"].(string))
		if !first.Equal(begin.Add(200*time.Millisecond)) || !until.Equal(end.Add(-10*time.Millisecond)) {
			t.Errorf("from %v to %v, want within %v to %v", first, until, begin, end)
		}

		// The minutes that follow begin anew, and are written when they are
		// over.
		for minute := range 3 {
			path := fmt.Sprintf("/again/%d", minute)
			for range 30 {
				h.ServeHTTP(httptest.NewRecorder(), request("GET", path))
			}
			time.Sleep(61 * time.Second)
			synctest.Wait()
			if got := of(out.records(t), "path", path); len(got) != 21 || occurrences(got) != 30 {
				t.Errorf("minute %d: %d lines for %d occurrences", minute, len(got), occurrences(got))
			}
		}
	})
}

func TestWhatIsFolded(t *testing.T) {
	refuse := func(name bulwark.EventName) http.Handler {
		return deny(bulwark.Problem{Status: 403, Code: "test.no", Log: bulwark.ProblemLog{Event: name}})
	}
	report := func(e bulwark.Event) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { bulwark.Report(r, e) })
	}
	nobody := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Identify(r, nil)
		refuse(bulwark.AuthzFail).ServeHTTP(w, r)
	})
	for _, test := range []struct {
		name    string
		handler http.Handler
		lines   int
	}{
		{"nobody_settled", refuse(bulwark.AuthzFail), 21},
		{"anonymous", nobody, 21},
		{"known_caller", as("alice", refuse(bulwark.AuthzFail)), 100},
		{"known_caller_at_a_limit", as("alice", refuse(bulwark.ExcessRateLimitExceeded)), 21},
		{"failure_that_names_a_user", report(bulwark.Event{Name: bulwark.AuthnLoginFail, UserID: "root"}), 21},
		{"success_that_names_a_user", report(bulwark.Event{Name: bulwark.AuthnLoginSuccess, UserID: "alice"}), 100},
		{"success_of_nobody", report(bulwark.Event{Name: bulwark.AuthnLoginSuccess}), 21},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out)})
			h := m.Wrap(test.handler)
			for range 100 {
				h.ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
			}
			drain(t, m)
			if got := out.records(t); len(got) != test.lines || occurrences(got) != 100 {
				t.Errorf("%d lines for %d occurrences, want %d", len(got), occurrences(got), test.lines)
			}
		})
	}
}

func TestFoldingByAddressPrefix(t *testing.T) {
	for _, test := range []struct {
		name  string
		addr  func(i int) string
		lines int
		ip    any
		pref  any
	}{
		{"one_ipv4_address", func(i int) string { return fmt.Sprintf("198.51.100.7:%d", 1000+i) }, 2 + 1, "198.51.100.7", nil},
		{"ipv4_neighbours", func(i int) string { return fmt.Sprintf("198.51.100.%d:1", i%50) }, 16*2 + 2 + 1, "198.51.100.0", "198.51.100.0/24"},
		{"one_ipv6_network", func(i int) string { return fmt.Sprintf("[2001:db8:1:2::%x]:1", i+1) }, 2 + 1, "2001:db8:1:2::", "2001:db8:1:2::/64"},
		{"one_ipv6_address", func(i int) string { return "[2001:db8:1:2::9]:1" }, 2 + 1, "2001:db8:1:2::9", "2001:db8:1:2::/64"},
		{"ipv6_networks", func(i int) string { return fmt.Sprintf("[2001:db8:1:%x::1]:1", i%50) }, 16*2 + 2 + 1, "2001:db8:1::", "2001:db8:1::/48"},
		{"no_address", func(int) string { return "@" }, 2 + 1, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out), MaxOneByOne: 2})
			h := m.Wrap(deny(bulwark.Problem{Status: 401, Code: "test.no"}))
			for i := range 100 {
				r := request("GET", "/")
				r.RemoteAddr = test.addr(i)
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
			drain(t, m)
			got := out.records(t)
			if len(got) != test.lines || occurrences(got) != 100 {
				t.Errorf("%d lines for %d occurrences, want %d", len(got), occurrences(got), test.lines)
			}
			if test.ip != nil {
				if last := got[len(got)-1]; last["ip"] != test.ip || last["prefix"] != test.pref {
					t.Errorf("ip %v, prefix %v", last["ip"], last["prefix"])
				}
			}
		})
	}
}

// What the folded events do not share is not claimed of all.
func TestCountedRecordClaimsOnlyWhatIsShared(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out), MaxOneByOne: 1})
	addr := netip.MustParseAddr("192.0.2.5")
	for i, e := range []bulwark.Event{
		{Method: "GET"},
		{Issuer: "a", UserID: "alice", Method: "GET", Path: "/1", Rule: "r", Status: 429, Reason: "x", RequestID: "one"},
		{Issuer: "b", UserID: "alice", Method: "GET", Path: "/2", Rule: "r", Status: 503, Reason: "x", RequestID: "two", Level: slog.LevelError},
	} {
		e.Name, e.ClientIP, e.Time = bulwark.ExcessRateLimitExceeded, addr, time.Unix(int64(i), 0)
		m.Record(t.Context(), e)
	}
	drain(t, m)
	got := of(out.records(t), "count", 2.0)
	if len(got) != 1 {
		t.Fatalf("%s", out)
	}
	for key, want := range map[string]any{"level": "ERROR", "ip": "192.0.2.5", "userId": "", "issuer": nil, "method": "GET", "path": "", "rule": "r", "status": nil,
		"reason": "x", "requestId": nil, "first": "1970-01-01T00:00:01Z", "last": "1970-01-01T00:00:02Z"} {
		if got[0][key] != want {
			t.Errorf("%s is %v, want %v", key, got[0][key], want)
		}
	}
}

// An event that stands for several counts as several.
func TestCountsOfEventsAddUp(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out), MaxOneByOne: 1})
	for range 3 {
		m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginFail, Count: 5})
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if got := out.records(t); len(got) != 2 || occurrences(got) != 15 {
		t.Errorf("%s", out)
	}
}
