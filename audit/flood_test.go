package audit_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// v4 and v6 make addresses of a number. Every bit above those of the client
// counts.
func v4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}

func v6(network uint64) netip.Addr {
	return netip.AddrFrom16([16]byte(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, network), 1)))
}

// kinds of refusals that a stranger causes as he likes.
var kinds = []bulwark.EventName{bulwark.AuthzFail, bulwark.InputValidationFail, bulwark.AuthnLoginFail, bulwark.MaliciousCORS}

// No flood takes the address or the path out of another client's records, and
// no occurrence is lost.
func TestCaseAudit1FloodsBlankNobodyElse(t *testing.T) {
	for _, test := range []struct {
		name     string
		bound    int
		networks int
		addr     func(i int) netip.Addr
		stranger string
		lines    int // at most, for each kind
	}{
		{"networks_of_one_48", 0, 256, func(i int) netip.Addr { return v6(0x20010db8_0001_0000 + uint64(i)) }, "2001:db8:2::1", 17*20 + 17},
		{"thousands_of_one_48", 0, 2000, func(i int) netip.Addr { return v6(0x20010db8_0001_0000 + uint64(i)) }, "198.51.100.7", 17*20 + 17},
		{"addresses_of_one_24", 0, 256, func(i int) netip.Addr { return v4(0xc0000200 + uint32(i)) }, "198.51.100.7", 17*20 + 17},
		{"sites_of_one_32", 0, 1500, func(i int) netip.Addr { return v6(0x20010db8_0000_0000 + uint64(i)<<16) }, "2001:db9::1", 1024 * 20},
		{"networks_of_many_48s", 0, 1500, func(i int) netip.Addr {
			return v6(0x20010db8_0000_0000 + uint64(i%500)<<16 + uint64(i/500))
		}, "2001:db9::1", 1024 * 20},
		{"addresses_of_one_16", 0, 2000, func(i int) netip.Addr { return v4(0x0a010000 + uint32(i)) }, "10.2.0.1", 1024 * 20},
		{"nat64_of_one_inside", 0, 256, func(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("64:ff9b::10.0.0.%d", i)) }, "10.0.0.7", 20 + 1},
		{"nat64_of_one_24", 0, 256, func(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("64:ff9b::192.0.2.%d", i)) }, "64:ff9b::c633:6407", 17*20 + 17},
		{"small_table", 16, 2000, func(i int) netip.Addr { return v6(0x20010db8_0000_0000 + uint64(i)<<16) }, "2a00::1", 100 * 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := newLog()
				m := build(t, audit.Config{Logger: slog.New(out), MaxPrefixes: test.bound, MaxSecurityQueue: 1 << 16})
				sent := 0
				for _, kind := range kinds {
					for i := range test.networks {
						addr := test.addr(i)
						for range 1 + min(25, 1500/test.networks) {
							m.Record(context.Background(), bulwark.Event{Name: kind, ClientIP: addr, Path: "/flood", Reason: "test.flood"})
							sent++
						}
						if sent%1000 == 0 {
							synctest.Wait() // the queue is not what is tested
						}
					}
				}
				stranger := netip.MustParseAddr(test.stranger)
				for i := range 10 {
					m.Record(context.Background(), bulwark.Event{Name: bulwark.AuthzFail, ClientIP: stranger, Path: fmt.Sprint("/admin/users/", i), Reason: "test.stranger"})
					sent++
				}
				drain(t, m)
				got := out.records(t)
				if occurrences(got) != sent {
					t.Errorf("%d of %d are accounted for", occurrences(got), sent)
				}
				theirs := of(got, "reason", "test.stranger")
				if len(theirs) != 10 {
					t.Fatalf("%d records of the stranger, want 10", len(theirs))
				}
				for i, record := range theirs {
					if record["ip"] != test.stranger || record["path"] != fmt.Sprint("/admin/users/", i) || record["count"] != nil {
						t.Errorf("record %d is %v", i, record)
					}
				}
				for _, kind := range kinds {
					if n := len(of(got, "event", string(kind))) - 10; n > test.lines {
						t.Errorf("%d lines of %s, want at most %d", n, kind, test.lines)
					}
				}
			})
		})
	}
}

// When the table is full, the site with the most clients is counted as one. Its
// one record has the sum of the counts, the time from the first to the last of
// them, and the values that differ.
func TestCountsOfASiteAreAddedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newLog()
		m := build(t, audit.Config{Logger: slog.New(out), MaxPrefixes: 16, MaxOneByOne: 1})
		record := func(addr string, e bulwark.Event) {
			e.Name, e.ClientIP, e.Reason, e.Method = bulwark.AuthzFail, netip.MustParseAddr(addr), "test", "GET"
			m.Record(context.Background(), e)
		}
		begin := time.Now()
		for i := range 10 {
			for range 3 { // the first is written, and two are counted
				time.Sleep(time.Second)
				record(fmt.Sprintf("192.0.2.%d", i), bulwark.Event{Path: fmt.Sprint("/", i%2), AssumedIssuer: "test", AssumedID: fmt.Sprint("user", i%2)})
			}
		}
		for i := range 6 {
			record(fmt.Sprintf("198.51.100.%d", i), bulwark.Event{Path: "/other"})
		}
		record("203.0.113.1", bulwark.Event{Path: "/new"}) // for which there is no room
		drain(t, m)
		counted := of(out.records(t), "count", 20.0)
		if len(counted) != 1 {
			t.Fatalf("no record of the site in %s", out)
		}
		got := counted[0]
		stamp := func(seconds int) string {
			return begin.Add(time.Duration(seconds) * time.Second).UTC().Format(time.RFC3339Nano)
		}
		if got["prefix"] != "192.0.2.0/24" || got["ip"] != "192.0.2.0" || got["first"] != stamp(2) || got["last"] != stamp(30) {
			t.Errorf("the record is %v, want 192.0.2.0/24 from %s to %s", got, stamp(2), stamp(30))
		}
		if got["method"] != "GET" || got["path"] != "" || got["assumedUserId"] != nil {
			t.Errorf("the fields that the events do and do not share: %v", got)
		}
		paths, _ := got["paths"].([]any)
		sums := map[any]any{}
		for _, path := range paths {
			sums[path.(map[string]any)["value"]] = path.(map[string]any)["count"]
		}
		if len(sums) != 2 || sums["/0"] != 10.0 || sums["/1"] != 10.0 {
			t.Errorf("paths are %v, want ten of /0 and ten of /1", got["paths"])
		}
		if fresh := of(out.records(t), "path", "/new"); len(fresh) != 1 || fresh[0]["ip"] != "203.0.113.1" {
			t.Errorf("the new client is %v", fresh)
		}
	})
}

// A flood from everywhere is counted in the end, and what came before it is
// still told.
func TestCaseAudit1TheTableIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newLog()
		m := build(t, audit.Config{Logger: slog.New(out), MaxPrefixes: 16, MaxOneByOne: 1, MaxSecurityQueue: 4096})
		sent := 0
		record := func(name string, addr netip.Addr) {
			m.Record(context.Background(), bulwark.Event{Name: bulwark.EventName(name), ClientIP: addr, Reason: "test"})
			sent++
		}
		for i := range uint32(3000) {
			record("authz_fail", v4(i*0x01234567)) // all over the net
		}
		drain(t, m)
		got := out.records(t)
		// Every merge frees an entry, and each new entry writes one line.
		if len(got) > 600 || occurrences(got) != sent {
			t.Errorf("%d lines for %d of %d occurrences", len(got), occurrences(got), sent)
		}
		if last := got[len(got)-1]; last["count"] == nil {
			t.Errorf("the last record is not a count: %v", last)
		}
		// Names past all bounds share a counter.
		for i := range 200 {
			record(fmt.Sprintf("app_event_%d", i), netip.MustParseAddr("10.9.9.9"))
		}
		drain(t, m)
		got = out.records(t)
		if rest := of(got, "event", "_OTHER"); occurrences(rest) < 100 || occurrences(got) != sent {
			t.Errorf("past the names: %v", rest)
		}
		time.Sleep(2 * time.Minute) // the table is empty again
		for range 2 {
			record("authz_fail", netip.MustParseAddr("10.8.8.8"))
		}
		drain(t, m)
		if fresh := of(out.records(t), "ip", "10.8.8.8"); len(fresh) != 2 || fresh[1]["count"] != 1.0 {
			t.Errorf("after two minutes: %v", fresh)
		}
	})
}

// A full table joins the networks with the most entries, so that neighbours who
// were there before are still told apart: two of one site, and twenty sites of
// one provider.
func TestCaseAudit1TheLargestNetworkGivesWay(t *testing.T) {
	two := []string{"198.51.100.7", "198.51.100.8"}
	var twenty []string
	for i := range 20 {
		twenty = append(twenty, fmt.Sprintf("198.51.%d.1", i))
	}
	for _, test := range []struct {
		name  string
		quiet []string
		flood func(i int) netip.Addr
	}{
		{"sites_of_16", two, func(i int) netip.Addr { return v4(0x0a000000 + uint32(i/16)<<8 + uint32(i%16)) }},
		{"sites_of_3", two, func(i int) netip.Addr { return v4(0x0a000000 + uint32(i/3)<<8 + uint32(i%3)) }},
		{"ipv6_sites_of_5", two, func(i int) netip.Addr { return v6(0x20010db8_0000_0000 + uint64(i/5)<<16 + uint64(i%5)) }},
		{"many_providers", two, func(i int) netip.Addr { return v4(0x0a000000 + uint32(i%200)<<16) }},
		{"one_site_beside_a_provider", twenty, func(i int) netip.Addr { return v6(0x20010db8_0000_0000 + uint64(i)) }},
		{"four_sites_beside_a_provider", twenty, func(i int) netip.Addr { return v6(0x20010db8_0000_0000 + uint64(i%4)<<32 + uint64(i)) }},
		{"provider_beside_a_provider", twenty, func(i int) netip.Addr { return v4(0x0a000000 + uint32(i)<<8) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out), MaxPrefixes: 64, MaxOneByOne: 1, MaxSecurityQueue: 1 << 16})
			quiet := func(path string) {
				for _, addr := range test.quiet {
					m.Record(context.Background(), bulwark.Event{Name: bulwark.AuthzFail, ClientIP: netip.MustParseAddr(addr), Path: path})
				}
			}
			quiet("/before")
			for i := range 256 {
				m.Record(context.Background(), bulwark.Event{Name: bulwark.AuthzFail, ClientIP: test.flood(i), Path: "/flood"})
			}
			quiet("/after")
			drain(t, m)
			got := out.records(t)
			for _, addr := range test.quiet {
				theirs := of(got, "ip", addr)
				if len(theirs) != 2 || theirs[1]["path"] != "/after" || theirs[1]["count"] != 1.0 || theirs[1]["prefix"] != nil {
					t.Fatalf("of %s: %v", addr, theirs)
				}
			}
		})
	}
}

// A counted record has the first few values of what its events do not share.
func TestCaseAudit6CountedRecordSaysWhy(t *testing.T) {
	values := func(record map[string]any, key string) string {
		var all []string
		list, _ := record[key].([]any)
		for _, v := range list {
			one := v.(map[string]any)
			all = append(all, fmt.Sprintf("%v %v", one["value"], one["count"]))
		}
		return strings.Join(all, ", ")
	}
	for _, test := range []struct {
		name string
		send func(i int) bulwark.Event
		want map[string]any
		list map[string]string
	}{
		{"unknown_paths", func(i int) bulwark.Event {
			return bulwark.Event{ClientIP: v4(1 << 24), Method: "GET", Path: fmt.Sprint("/", i), Reason: "authz.no_route"}
		}, map[string]any{"path": "", "method": "GET", "reason": "authz.no_route", "ip": "1.0.0.0"},
			map[string]string{"paths": "/20 1, /21 1, /22 1, /23 1", "methods": "", "reasons": "", "addresses": ""}},
		{"two_reasons", func(i int) bulwark.Event {
			return bulwark.Event{ClientIP: v4(1 << 24), Method: []string{"GET", "PUT"}[i%2], Path: "/x", Reason: []string{"", "body.too_large", "validate.invalid"}[i%3]}
		}, map[string]any{"path": "/x", "method": "", "reason": nil},
			map[string]string{"paths": "", "methods": "GET 390, PUT 390", "reasons": "validate.invalid 260, body.too_large 260"}},
		{"addresses_of_a_network", func(i int) bulwark.Event {
			return bulwark.Event{ClientIP: v6(1).Next(), Path: "/a\u202e\n", Reason: "test"}
		}, map[string]any{"path": `/a\u202e\x0a`, "ip": "::1:0:0:0:2"}, map[string]string{"addresses": "", "paths": ""}},
		{"several_addresses", func(i int) bulwark.Event {
			addr := v6(1)
			for range i % 3 {
				addr = addr.Next()
			}
			return bulwark.Event{ClientIP: addr, Path: fmt.Sprintf("/\u202e%d", i%2), Reason: "test", Count: 2}
		}, map[string]any{"path": "", "ip": "0:0:0:1::", "prefix": "0:0:0:1::/64"},
			map[string]string{"addresses": "::1:0:0:0:3 520, ::1:0:0:0:1 520, ::1:0:0:0:2 520", "paths": `/\u202e0 780, /\u202e1 780`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out), MaxSecurityQueue: 4096})
			for i := range 800 {
				e := test.send(i)
				e.Name = bulwark.InputValidationFail
				m.Record(context.Background(), e)
			}
			drain(t, m)
			got := out.records(t)
			last := got[len(got)-1]
			if len(got) != 21 || last["count"] == nil {
				t.Fatalf("%d lines, the last is %v", len(got), last)
			}
			for key, want := range test.want {
				if last[key] != want {
					t.Errorf("%s is %v, want %v", key, last[key], want)
				}
			}
			for key, want := range test.list {
				if got := values(last, key); got != want {
					t.Errorf("%s are %q, want %q", key, got, want)
				}
			}
		})
	}
}

// Records of a text handler show the values too, and forge nothing.
func TestCaseAudit6CountedRecordAsText(t *testing.T) {
	var text strings.Builder
	m := build(t, audit.Config{Logger: slog.New(slog.NewTextHandler(&text, nil)), MaxOneByOne: 1})
	for i := range 5 {
		m.Record(context.Background(), bulwark.Event{Name: bulwark.AuthzFail, Path: fmt.Sprintf("/%d\nlevel=ERROR", i)})
	}
	drain(t, m)
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[1], `/1\\x0alevel=ERROR (1)`) {
		t.Errorf("%q", lines)
	}
}

// What one caller causes takes no record away from another, neither from the
// queue of a sink that hangs nor from the reserve for what matters.
func TestCaseAudit3OneCallerFillsNoQueue(t *testing.T) {
	deny := func(who string) func(*audit.Middleware) {
		return func(m *audit.Middleware) {
			m.Wrap(as(who, deny(bulwark.Problem{Status: 500, Code: "internal.error"}))).ServeHTTP(httptest.NewRecorder(), request("GET", "/"+who))
		}
	}
	panics := func(m *audit.Middleware) {
		defer func() { _ = recover() }()
		m.Wrap(as("mallory", nil)).ServeHTTP(httptest.NewRecorder(), request("GET", "/panic"))
	}
	report := func(e bulwark.Event) func(*audit.Middleware) {
		return func(m *audit.Middleware) { m.Record(context.Background(), e) }
	}
	for _, test := range []struct {
		name  string
		flood func(*audit.Middleware)
	}{
		{"errors_of_the_program", deny("mallory")},
		{"panics", panics},
		{"successes", report(bulwark.Event{Name: bulwark.AuthnLoginSuccess, Issuer: "test", UserID: "mallory"})},
		{"replays", report(bulwark.Event{Name: bulwark.AuthnTokenReuse, Issuer: "test", UserID: "mallory", RequestID: "x", ClientIP: v4(1)})},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &stuck{newLog(), make(chan struct{})}
				m := build(t, audit.Config{Sinks: []slog.Handler{sink}})
				for range 3000 {
					test.flood(m)
				}
				deny("alice")(m)
				report(bulwark.Event{Name: bulwark.AuthnTokenReuse, Issuer: "test", UserID: "bob", RequestID: "y", ClientIP: v4(2)})(m)
				if s := m.Stats().Security; s.Full != 0 || s.Queued > 103 {
					t.Errorf("%+v", s)
				}
				close(sink.release)
				drain(t, m)
				got := sink.records(t)
				if theirs := of(got, "userId", "alice"); len(theirs) != 1 || theirs[0]["path"] != "/alice" || theirs[0]["status"] != 500.0 {
					t.Errorf("of alice: %v", theirs)
				}
				if theirs := of(of(got, "userId", "bob"), "event", "authn_token_reuse"); len(theirs) != 1 {
					t.Errorf("of bob: %v", theirs)
				}
				if n := occurrences(got); n != 3002 {
					t.Errorf("%d accounted for", n)
				}
				if counted := of(got, "userId", "mallory"); len(counted) == 0 || counted[len(counted)-1]["count"] == nil {
					t.Errorf("the flood names nobody: %v", counted)
				}
			})
		})
	}
}

// A sink that hangs for hours keeps room for others, whoever goes on meanwhile.
func TestCaseAudit3OneSourceForHours(t *testing.T) {
	known := func(who string) context.Context {
		return bulwark.WithPrincipal(context.Background(), &bulwark.Principal{Issuer: "test", Subject: who})
	}
	for _, test := range []struct {
		name  string
		flood func(m *audit.Middleware)
	}{
		{"caller", func(m *audit.Middleware) {
			for _, kind := range append(kinds, bulwark.SysUnavailable) {
				for range 200 {
					m.Record(known("mallory"), bulwark.Event{Name: kind, Issuer: "test", UserID: "mallory", RequestID: "x"})
				}
			}
		}},
		{"site", func(m *audit.Middleware) {
			for i := range 256 {
				for _, kind := range kinds {
					m.Record(context.Background(), bulwark.Event{Name: kind, ClientIP: v6(0x20010db8_0001_0000 + uint64(i)), RequestID: "x"})
				}
			}
		}},
		{"replays", func(m *audit.Middleware) {
			for range 100 {
				m.Record(context.Background(), bulwark.Event{Name: bulwark.AuthnTokenReuse, Issuer: "test", UserID: "mallory", RequestID: "x"})
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &stuck{newLog(), make(chan struct{})}
				m := build(t, audit.Config{Sinks: []slog.Handler{sink}})
				for range 120 {
					test.flood(m)
					time.Sleep(time.Minute)
				}
				m.Record(known("alice"), bulwark.Event{Name: bulwark.AuthzFail, Issuer: "test", UserID: "alice", RequestID: "y"})
				m.Record(context.Background(), bulwark.Event{Name: bulwark.AuthzFail, ClientIP: v4(7), RequestID: "y", UserID: "typed"})
				m.Record(context.Background(), bulwark.Event{Name: bulwark.AuthnTokenReuse, Issuer: "test", UserID: "bob", RequestID: "y"})
				close(sink.release)
				drain(t, m)
				for _, user := range []string{"alice", "typed", "bob"} {
					if n := len(of(sink.records(t), "userId", user)); n != 1 {
						t.Errorf("%d records of %s", n, user)
					}
				}
			})
		})
	}
}

// Only what no client can cause at will uses the half that is kept free.
func TestCaseAudit3TheReserve(t *testing.T) {
	for _, test := range []struct {
		event    bulwark.Event
		reserved bool
	}{
		{bulwark.Event{Name: bulwark.AuthnTokenReuse, RequestID: "x"}, true},
		{bulwark.Event{Name: bulwark.SysMonitorDisabled}, true},
		{bulwark.Event{Name: bulwark.SysUnavailable}, true},
		{bulwark.Event{Name: bulwark.SysUnavailable, RequestID: "x"}, false},
		{bulwark.Event{Name: bulwark.AuthzFail, RequestID: "x"}, false},
		{bulwark.Event{Name: bulwark.AuthnLoginSuccess}, false},
	} {
		t.Run(fmt.Sprint(test.event.Name, test.event.RequestID), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &stuck{newLog(), make(chan struct{})}
				m := build(t, audit.Config{Sinks: []slog.Handler{sink}, MaxSecurityQueue: 16, MaxOneByOne: 10_000})
				m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
				synctest.Wait() // it is with the sink now
				for range 100 {
					m.Record(t.Context(), test.event)
				}
				want := uint64(8)
				if test.reserved {
					want = 16
				}
				if s := m.Stats().Security; s.Queued != want+1 && s.Queued != want {
					t.Errorf("%d are queued, want %d", s.Queued, want)
				}
				close(sink.release)
			})
		})
	}
}

// The table of callers is bounded: further callers are counted by their
// address.
func TestCaseAudit3CallersPastTheBound(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out), MaxPrefixes: 16, MaxOneByOne: 2, MaxPerCaller: 5, MaxSecurityQueue: 4096})
	for range 10 {
		for i := range 100 {
			ctx := bulwark.WithPrincipal(context.Background(), &bulwark.Principal{Issuer: "test", Subject: fmt.Sprint("user", i)})
			m.Record(ctx, bulwark.Event{Name: bulwark.AuthzFail, Issuer: "test", UserID: fmt.Sprint("user", i), ClientIP: v4(9)})
		}
	}
	drain(t, m)
	got := out.records(t)
	if want := 16*(5+1) + 2 + 1; len(got) != want || occurrences(got) != 1000 {
		t.Errorf("%d lines for %d occurrences, want %d", len(got), occurrences(got), want)
	}
}
