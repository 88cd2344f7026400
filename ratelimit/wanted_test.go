package ratelimit_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// wanted returns the text of the event's attribute error.
func wanted(e bulwark.Event) string {
	for _, attr := range e.Attrs {
		if attr.Key == "error" {
			return attr.Value.String()
		}
	}
	return ""
}

// The event of a refusal names the field of the Config that changes it, in a
// dry run also, and nothing that the client has sent.
func TestEventsNameTheField(t *testing.T) {
	down := &foreign{}
	down.down.Store(true)
	costing := func(n int) func(*http.Request) int { return func(*http.Request) int { return n } }
	nobody := &bulwark.Principal{Issuer: "https://accounts.example"}
	for name, test := range map[string]struct {
		config ratelimit.Config
		addr   string
		change func(*http.Request)
		code   string
		want   []string
	}{
		"address":    {ratelimit.Config{Key: ratelimit.ByIP}, "@", nil, "ratelimit.client_address", []string{"bulwark.ClientIP", "Edge.TrustUnixSocket", "Config.Key"}},
		"key":        {ratelimit.Config{Key: tenant}, "192.0.2.1", nil, "ratelimit.key", []string{"KeyFunc in Config.Key"}},
		"no_subject": {ratelimit.Config{Key: ratelimit.ByPrincipal}, "192.0.2.1", caller(nobody), "ratelimit.key", []string{"ByPrincipal", "Subject"}},
		"no_auth":    {ratelimit.Config{Key: ratelimit.ByPrincipal}, "192.0.2.1", nil, "ratelimit.unconfigured", []string{"ratelimit(test).Key", "inside the auth layer", "ratelimit.ByIP"}},
		"cost_0":     {ratelimit.Config{Key: ratelimit.ByIP, Cost: costing(0)}, "192.0.2.1", nil, "ratelimit.cost", []string{"Config.Cost", "below 1"}},
		"cost_8":     {ratelimit.Config{Key: ratelimit.ByIP, Cost: costing(8)}, "192.0.2.1", nil, "ratelimit.cost", []string{"Config.Cost", "above the burst", "Config.Rate"}},
		"outage":     {ratelimit.Config{Key: ratelimit.ByIP, Store: down}, "192.0.2.1", nil, "ratelimit.unavailable", []string{"Config.Store", "is down"}},
	} {
		for _, dry := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				test.config.Rate, test.config.DryRun = "7/hour", dry
				b := serve(t, test.config)
				change := test.change
				if change == nil {
					change = func(*http.Request) {}
				}
				res := b.from(test.addr, change)
				if passed := res.StatusCode == http.StatusOK; passed != dry {
					t.Errorf("status %d in a dry run: %t", res.StatusCode, dry)
				}
				events := b.rec.Take()
				if len(events) != 1 || events[0].Reason != test.code {
					t.Fatalf("events %+v, want one for %s", events, test.code)
				}
				for _, text := range test.want {
					if !strings.Contains(wanted(events[0]), text) {
						t.Errorf("error %q lacks %q", wanted(events[0]), text)
					}
				}
			})
		}
	}
}

// All clients behind a proxy that the Edge does not trust share one quota. The
// refusal names the field, if the address of the connection is a private one
// and the limit counts by it.
func TestAPrivateAddressMayBeAProxy(t *testing.T) {
	edge := func(proxies ...string) func(http.Handler) http.Handler {
		e := bulwark.Edge{InsecureAnyHost: true}
		for _, proxy := range proxies {
			e.TrustedProxies, e.ForwardedHeader = append(e.TrustedProxies, netip.MustParsePrefix(proxy)), "X-Forwarded-For"
		}
		return bulwark.Must(bulwark.NewEdge(e)).Wrap
	}
	alice := &bulwark.Principal{Issuer: "https://accounts.example", Subject: "alice"}
	for name, test := range map[string]struct {
		key     ratelimit.Key
		addr    string
		forward string
		layers  []func(http.Handler) http.Handler
		named   bool
	}{
		"private":           {ratelimit.ByIP, "10.0.0.1", "203.0.113.7", nil, true},
		"private_v6":        {ratelimit.ByIP, "fd00::1", "", nil, true},
		"mapped":            {ratelimit.ByIP, "::ffff:192.168.0.1", "", nil, true},
		"loopback":          {ratelimit.ByIP, "127.0.0.1", "", nil, true},
		"edge_without":      {ratelimit.ByIP, "10.0.0.1", "203.0.113.7", []func(http.Handler) http.Handler{edge()}, true},
		"other_proxy":       {ratelimit.ByIP, "10.0.0.1", "203.0.113.7", []func(http.Handler) http.Handler{edge("192.168.0.0/16")}, true},
		"anonymous":         {ratelimit.ByPrincipal, "10.0.0.1", "", []func(http.Handler) http.Handler{as(nil)}, true},
		"public":            {ratelimit.ByIP, "203.0.113.7", "", nil, false},
		"trusted_proxy":     {ratelimit.ByIP, "10.0.0.1", "203.0.113.7", []func(http.Handler) http.Handler{edge("10.0.0.0/8")}, false},
		"private_behind_it": {ratelimit.ByIP, "10.0.0.1", "192.168.7.7", []func(http.Handler) http.Handler{edge("10.0.0.0/8")}, false},
		"by_principal":      {ratelimit.ByPrincipal, "10.0.0.1", "", []func(http.Handler) http.Handler{as(alice)}, false},
		"by_value":          {ratelimit.KeyFunc(func(*http.Request) string { return "x" }), "10.0.0.1", "", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: test.key, Rate: "1/hour"}, test.layers...)
			change := func(r *http.Request) {
				if test.forward != "" {
					r.Header.Set("X-Forwarded-For", test.forward)
				}
			}
			b.from(test.addr, change)
			res := b.from(test.addr, change)
			events := b.rec.Take()
			if res.StatusCode != http.StatusTooManyRequests || len(events) != 1 || events[0].Reason != "ratelimit.exceeded" {
				t.Fatalf("%d, events %+v", res.StatusCode, events)
			}
			text := wanted(events[0])
			if named := strings.Contains(text, "bulwark.Edge.TrustedProxies"); named != test.named || !named && text != "" {
				t.Errorf("error %q, want one: %t", text, test.named)
			}
		})
	}
}

// A limit in a dry run says by which field it refuses nothing.
func TestDryRunNamesTheField(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/hour", DryRun: true})
	b.passes(2, "192.0.2.1")
	events := b.rec.Take()
	if len(events) != 1 || events[0].Reason != "ratelimit.dry_run" || !strings.Contains(wanted(events[0]), "Config.DryRun") {
		t.Errorf("events %+v", events)
	}
}

// The errors of Take and TakeFor name the call.
func TestErrorsOfTakeNameTheCall(t *testing.T) {
	m := serve(t, ratelimit.Config{Name: "login", Rate: "1/hour"}).limit
	ctx := context.Background()
	take := func(_ *ratelimit.Reservation, _ ratelimit.Result, err error) error { return err }
	for name, test := range map[string]struct {
		err        error
		code, want string
	}{
		"empty":      {take(m.Take(ctx, "")), "ratelimit.key", "given to Take or TakeFor"},
		"missing":    {take(m.Take(ctx)), "ratelimit.key", "given to Take or TakeFor"},
		"for_empty":  {take(m.TakeFor(ctx, netip.MustParseAddr("192.0.2.1"), "")), "ratelimit.key", "given to Take or TakeFor"},
		"no_address": {take(m.TakeFor(ctx, netip.Addr{}, "k")), "ratelimit.client_address", "bulwark.ClientIP(r)"},
	} {
		var p *bulwark.Problem
		if !errors.As(test.err, &p) || p.Status != http.StatusBadRequest || p.Code != test.code || p.Err == nil || !strings.Contains(p.Err.Error(), test.want) {
			t.Errorf("%s: %v, want %s with %q", name, test.err, test.code, test.want)
		}
	}
}

// Every error of a Config says what to write instead: a value, a field, or a
// call.
func TestConfigErrorsSayWhatToWrite(t *testing.T) {
	ip := ratelimit.ByIP
	for name, test := range map[string]struct {
		config ratelimit.Config
		want   []string
	}{
		"name":         {ratelimit.Config{Name: "a b", Key: ip, Rate: "1/second"}, []string{`write for example "login"`}},
		"rate":         {ratelimit.Config{Name: "n", Key: ip, Rate: "100"}, []string{`write for example "100/minute"`}},
		"rate_empty":   {ratelimit.Config{Name: "n", Key: ip}, []string{`write for example "100/minute"`}},
		"number":       {ratelimit.Config{Name: "n", Key: ip, Rate: "01/minute"}, []string{`write for example "100/minute"`}},
		"unit":         {ratelimit.Config{Name: "n", Key: ip, Rate: "1/week"}, []string{`"100/15m"`, "second, minute, hour, day"}},
		"burst":        {ratelimit.Config{Name: "n", Key: ip, Rate: "1/day,burst=0"}, []string{`",burst="`}},
		"burst_slow":   {ratelimit.Config{Name: "n", Key: ip, Rate: "1/day,burst=400"}, []string{"write a smaller burst"}},
		"too_fast":     {ratelimit.Config{Name: "n", Key: ip, Rate: "2000000/second"}, []string{`"unlimited"`}},
		"tiers":        {ratelimit.Config{Name: "n", Key: ip, Rate: "1/day", Tiers: ratelimit.Tiers{"p": "1/day"}}, []string{"ratelimit.ByPrincipal"}},
		"anonymous":    {ratelimit.Config{Name: "n", Key: ip, Rate: "1/day", Anonymous: "1/day"}, []string{"leave Anonymous out"}},
		"auth_outside": {ratelimit.Config{Name: "n", Key: ip, Rate: "1/day", AuthOutside: true}, []string{"leave AuthOutside out"}},
		"success":      {ratelimit.Config{Name: "n", Key: ip, Rate: "1/day", Success: func(*http.Request, int) bool { return true }}, []string{"ratelimit.Failures"}},
		"keys":         {ratelimit.Config{Name: "n", Key: ip, Rate: "1/day", MaxKeys: 8, Store: &ratelimit.MemoryStore{}}, []string{"MemoryStore.Max"}},
		"store":        {ratelimit.Config{Name: "n", Key: ip, Rate: "1/day", Store: (*ratelimit.MemoryStore)(nil)}, []string{"&ratelimit.MemoryStore{}"}},
		"key":          {ratelimit.Config{Name: "n", Key: ratelimit.Join(), Rate: "1/day"}, []string{"ratelimit.ByIP"}},
		"header":       {ratelimit.Config{Name: "n", Key: ratelimit.ByHeader("X-Tenant"), Rate: "1/day"}, []string{"ratelimit.Join with ByIP"}},
		"host":         {ratelimit.Config{Name: "n", Key: ratelimit.Join(ip, ratelimit.ByHeader("Host")), Rate: "1/day"}, []string{"KeyFunc"}},
		"forwarded":    {ratelimit.Config{Name: "n", Key: ratelimit.Join(ip, ratelimit.ByHeader("Forwarded")), Rate: "1/day"}, []string{"TrustedProxies"}},
	} {
		_, err := ratelimit.New(test.config)
		for _, text := range test.want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v lacks %q", name, err, text)
			}
		}
	}
	if _, err := (ratelimit.Config{Name: "n", Rate: "1/day"}).Build(); err == nil || !strings.Contains(err.Error(), "ratelimit.ByIP") {
		t.Errorf("Build without a Key: %v", err)
	}
}
