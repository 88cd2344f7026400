package ratelimit_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/faulttest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func TestConfigErrors(t *testing.T) {
	store := &ratelimit.MemoryStore{Max: 8}
	ok := ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/second", MaxKeys: 8}
	with := func(change func(*ratelimit.Config)) ratelimit.Config {
		c := ok
		change(&c)
		return c
	}
	tests := []struct {
		name   string
		config ratelimit.Config
		want   []string
	}{
		{"zero", ratelimit.Config{}, []string{"ratelimit.Name", "ratelimit.Rate"}},
		{"everything", ratelimit.Config{
			Name: "a b", Rate: "x", Tiers: ratelimit.Tiers{"": "1/second", "p": "0/second", "q": "1/year"}, Anonymous: "y", Count: 7, Headers: 9,
			Success: func(*http.Request, int) bool { return true }, MaxKeys: -1, Key: ratelimit.Join(ratelimit.ByPrincipal, nil),
		}, []string{
			"ratelimit.Name", "ratelimit.Count", "ratelimit.Success", "ratelimit.Headers", "ratelimit.MaxKeys", "ratelimit.Key",
			"ratelimit.Rate", "ratelimit.Tiers", "ratelimit.Tiers[p]", "ratelimit.Tiers[q]", "ratelimit.Anonymous",
		}},
		{"name_too_long", with(func(c *ratelimit.Config) { c.Name = strings.Repeat("n", 65) }), []string{"ratelimit.Name"}},
		{"name_quote", with(func(c *ratelimit.Config) { c.Name = `a"b` }), []string{"ratelimit.Name"}},
		{"name_umlaut", with(func(c *ratelimit.Config) { c.Name = "ä" }), []string{"ratelimit.Name"}},
		{"tiers_without_principal", with(func(c *ratelimit.Config) { c.Tiers = ratelimit.Tiers{"p": "1/day"} }), []string{"ratelimit(n).Tiers"}},
		{"anonymous_without_principal", with(func(c *ratelimit.Config) { c.Anonymous = "1/day" }), []string{"ratelimit(n).Anonymous"}},
		{"two_defaults", with(func(c *ratelimit.Config) {
			c.Key, c.Tiers = ratelimit.ByPrincipal, ratelimit.Tiers{"default": "1/day"}
		}), []string{"ratelimit(n).Rate"}},
		{"default_tier", with(func(c *ratelimit.Config) {
			c.Key, c.Rate, c.Tiers = ratelimit.ByPrincipal, "", ratelimit.Tiers{"default": "1/year"}
		}), []string{"ratelimit(n).Tiers[default]"}},
		{"success_for_requests", with(func(c *ratelimit.Config) { c.Success = func(*http.Request, int) bool { return true } }), []string{"ratelimit(n).Success"}},
		{"keys_too_few", with(func(c *ratelimit.Config) { c.MaxKeys = 7 }), []string{"ratelimit(n).MaxKeys"}},
		{"keys_too_many", with(func(c *ratelimit.Config) { c.MaxKeys = 1<<27 + 1 }), []string{"ratelimit(n).MaxKeys"}},
		{"keys_and_store", with(func(c *ratelimit.Config) { c.Store = store }), []string{"ratelimit(n).MaxKeys"}},
		{"key_nil_func", with(func(c *ratelimit.Config) { c.Key = ratelimit.KeyFunc(nil) }), []string{"ratelimit(n).Key"}},
		{"key_empty_join", with(func(c *ratelimit.Config) { c.Key = ratelimit.Join() }), []string{"ratelimit(n).Key"}},
		{"key_nine", with(func(c *ratelimit.Config) {
			c.Key = ratelimit.Join(slices.Repeat([]ratelimit.Key{ratelimit.ByIP}, 9)...)
		}), []string{"ratelimit(n).Key"}},
		{"header_alone", with(func(c *ratelimit.Config) { c.Key = ratelimit.ByHeader("X-Tenant") }), []string{"ratelimit(n).Key"}},
		{"headers_alone", with(func(c *ratelimit.Config) {
			c.Key = ratelimit.Join(ratelimit.ByHeader("X-Tenant"), ratelimit.ByHeader("X-Other"))
		}), []string{"ratelimit(n).Key"}},
		{"header_bad_name", with(func(c *ratelimit.Config) {
			c.Key = ratelimit.Join(ratelimit.ByIP, ratelimit.ByHeader("X Tenant"))
		}), []string{"ratelimit(n).Key"}},
		{"header_no_name", with(func(c *ratelimit.Config) { c.Key = ratelimit.Join(ratelimit.ByIP, ratelimit.ByHeader("")) }), []string{"ratelimit(n).Key"}},
		{"header_host", with(func(c *ratelimit.Config) { c.Key = ratelimit.Join(ratelimit.ByIP, ratelimit.ByHeader("host")) }), []string{"ratelimit(n).Key"}},
		{"header_forwarded_for", with(func(c *ratelimit.Config) {
			c.Key = ratelimit.Join(ratelimit.ByIP, ratelimit.ByHeader("x-forwarded-for"))
		}), []string{"ratelimit(n).Key"}},
		{"header_real_ip", with(func(c *ratelimit.Config) {
			c.Key = ratelimit.Join(ratelimit.ByPrincipal, ratelimit.ByHeader("X-Real-IP"))
		}), []string{"ratelimit(n).Key"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := ratelimit.New(test.config)
			if got := faulttest.Fields(err); !slices.Equal(got, test.want) || m != nil {
				t.Errorf("New: %v, %v\nfields %q\nwant   %q", m, err, got, test.want)
			}
			if layer, err := test.config.Build(); layer != nil || err == nil {
				t.Errorf("Build: %v, %v", layer, err)
			}
		})
	}
}

func TestNamesAreUniqueOnAStore(t *testing.T) {
	store := &ratelimit.MemoryStore{}
	one := ratelimit.Config{Name: "one", Key: ratelimit.ByIP, Rate: "1/hour", Store: store}
	two := ratelimit.Config{Name: "two", Key: ratelimit.ByIP, Rate: "1/hour", Store: store}
	_, err := bulwark.Chain(one, two, one)
	if got := faulttest.Fields(err); !slices.Equal(got, []string{"ratelimit(one).Name"}) {
		t.Fatalf("fields %q of %v", got, err)
	}
	// The two share memory, and nothing else.
	store = &ratelimit.MemoryStore{Max: 1024}
	one.Store, two.Store = store, store
	a, b := serve(t, one), serve(t, two)
	if a.passes(2, "192.0.2.1") != 1 || b.passes(2, "192.0.2.1") != 1 {
		t.Errorf("%d and %d passed, want 1 each", a.ran, b.ran)
	}
}

func TestBuildNeedsAKey(t *testing.T) {
	c := ratelimit.Config{Name: "n", Rate: "1/second", MaxKeys: 8}
	if layer, err := c.Build(); layer != nil || !slices.Equal(faulttest.Fields(err), []string{"ratelimit(n).Key"}) {
		t.Errorf("Config: %v, %v", layer, err)
	}
	m, err := ratelimit.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if layer, err := m.Build(); layer != nil || !slices.Equal(faulttest.Fields(err), []string{"ratelimit(n).Key"}) {
		t.Errorf("Middleware: %v, %v", layer, err)
	}
}

func TestBuildReturnsItself(t *testing.T) {
	m := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/second"}).limit
	if layer, err := m.Build(); layer != m || err != nil {
		t.Errorf("%v, %v", layer, err)
	}
	layer, err := ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "1/second", MaxKeys: 8}.Build()
	if _, ok := layer.(*ratelimit.Middleware); !ok || err != nil {
		t.Errorf("%v, %v", layer, err)
	}
}

func TestUnconfigured(t *testing.T) {
	keyless, err := ratelimit.New(ratelimit.Config{Name: "n", Rate: "1/second", MaxKeys: 8})
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*ratelimit.Middleware{"nil": nil, "zero": {}, "keyless": keyless} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/second"})
			b.handler = b.rec.Wrap(m.Wrap(b.spy))
			res := b.from("192.0.2.1")
			if text := wanted(b.rec.Events()[0]); name == "keyless" && (!strings.Contains(text, "ratelimit(n).Key") || !strings.Contains(text, "Wrap needs it") || !strings.Contains(text, "Take")) {
				t.Errorf("error %q", text)
			}
			b.refused(t, res, 0, 500, "ratelimit.unconfigured", bulwark.SysUnavailable)
			if m.Kind() != "ratelimit" {
				t.Errorf("kind %q", m.Kind())
			}
		})
	}
	for name, m := range map[string]*ratelimit.Middleware{"nil": nil, "zero": {}} {
		t.Run("take_"+name, func(t *testing.T) {
			r, _, err := m.Take(t.Context(), "k")
			if r != nil || len(faulttest.Fields(err)) != 1 {
				t.Errorf("%v, %v", r, err)
			}
			if layer, err := m.Build(); layer != nil || err == nil {
				t.Errorf("Build: %v, %v", layer, err)
			}
		})
	}
}

// TestConfigIsCopied changes a Config after New.
func TestConfigIsCopied(t *testing.T) {
	tiers := ratelimit.Tiers{"p": "2/hour"}
	keys := []ratelimit.Key{ratelimit.ByPrincipal}
	b := serve(t, ratelimit.Config{Key: ratelimit.Join(keys...), Rate: "1/hour", Tiers: tiers})
	tiers["p"] = "unlimited"
	keys[0] = nil
	if got := b.passes(5, "192.0.2.1", caller(&bulwark.Principal{Subject: "s", Tier: "p"})); got != 2 {
		t.Errorf("%d passed, want 2", got)
	}
}

func TestDryRunIsAnnounced(t *testing.T) {
	var log bytes.Buffer
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	defer slog.SetDefault(previous)
	serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/hour"})
	if log.Len() != 0 {
		t.Errorf("a limit that refuses logged %s", log.String())
	}
	serve(t, ratelimit.Config{Name: "trial", Key: ratelimit.ByIP, Rate: "1/hour", DryRun: true})
	for _, want := range []string{`"event":"sys_monitor_disabled"`, `"reason":"ratelimit.dry_run"`, `"rule":"trial"`, `"error":"Config.DryRun is true`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s lacks %s", log.String(), want)
		}
	}
}

func TestOrderInAChain(t *testing.T) {
	by := func(name string, key ratelimit.Key) bulwark.Builder {
		return ratelimit.Config{Name: name, Key: key, Rate: "1/second", MaxKeys: 8}
	}
	auth := kind("auth")
	route := ratelimit.KeyFunc(func(r *http.Request) string { return r.Pattern })
	tests := []struct {
		name  string
		parts []bulwark.Builder
		ok    bool
	}{
		{"principal_inside", []bulwark.Builder{by("a", ratelimit.ByIP), auth, by("b", ratelimit.ByPrincipal)}, true},
		{"principal_outside", []bulwark.Builder{by("b", ratelimit.ByPrincipal), auth}, false},
		{"joined_outside", []bulwark.Builder{by("b", ratelimit.Join(route, ratelimit.ByPrincipal)), auth}, false},
		{"joined_address_outside", []bulwark.Builder{by("b", ratelimit.Join(route, ratelimit.ByIP)), auth}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := bulwark.Chain(test.parts...); (err == nil) != test.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

// kind is a layer that does nothing and says what it is.
type kind string

func (k kind) Kind() bulwark.Kind                  { return bulwark.Kind(k) }
func (k kind) Wrap(next http.Handler) http.Handler { return next }
func (k kind) Build() (bulwark.Layer, error)       { return k, nil }

// Whoever runs several processes reads here that each counts for itself.
func TestCaseRl5WhatSeveralProcessesDoIsSaid(t *testing.T) {
	for file, want := range map[string][]string{
		"config.go": {"// Rate is the rate of a caller", "// Store keeps the counts."},
		"store.go":  {"// A Store keeps how much of each quota is used."},
		"doc.go":    {"// # Not covered"},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, begin := range want {
			_, comment, found := strings.Cut(string(text), begin)
			comment = comment[:min(len(comment), 500)]
			if !found || !strings.Contains(comment, "process") {
				t.Errorf("%s: the comment that begins with %q says nothing about processes", file, begin)
			}
		}
	}
}
