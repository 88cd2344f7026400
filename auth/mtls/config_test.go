package mtls_test

import (
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/mtls"
)

func TestConfig(t *testing.T) {
	ca := authority(t, "ca", nil)
	good := mtls.Config{Issuer: issuerName, ClientCAs: ca.pool(), URI: trust}
	with := func(change func(*mtls.Config)) mtls.Config {
		c := good
		change(&c)
		return c
	}
	uri := func(text string) mtls.Config { return with(func(c *mtls.Config) { c.URI = text }) }
	domain := func(text string) mtls.Config { return with(func(c *mtls.Config) { c.URI, c.DNS = "", text }) }
	var none *auth.MemoryRevocations
	for name, test := range map[string]struct {
		config mtls.Config
		fields string // of the errors
	}{
		"good":               {good, ""},
		"good-urn":           {uri("urn:example:"), ""},
		"good-path":          {uri("https://example.org/clients/"), ""},
		"good-dns":           {domain("a.example.org"), ""},
		"good-no-cache":      {with(func(c *mtls.Config) { c.MaxCached = -1 }), ""},
		"zero":               {mtls.Config{}, "mtls.Issuer mtls.ClientCAs mtls.URI"},
		"no-issuer":          {with(func(c *mtls.Config) { c.Issuer = "" }), "mtls.Issuer"},
		"issuer-long":        {with(func(c *mtls.Config) { c.Issuer = strings.Repeat("a", 257) }), "mtls.Issuer"},
		"issuer-line":        {with(func(c *mtls.Config) { c.Issuer = "a\n" }), "mtls.Issuer"},
		"no-pool":            {with(func(c *mtls.Config) { c.ClientCAs = nil }), "mtls.ClientCAs"},
		"empty-pool":         {with(func(c *mtls.Config) { c.ClientCAs = x509.NewCertPool() }), "mtls.ClientCAs"},
		"both-names":         {with(func(c *mtls.Config) { c.DNS = "example.org" }), "mtls.DNS"},
		"uri-no-slash":       {uri("spiffe://example.org"), "mtls.URI"},
		"uri-path-no-slash":  {uri("spiffe://example.org/ns"), "mtls.URI"},
		"uri-scheme-alone":   {uri("spiffe://"), "mtls.URI"},
		"uri-no-host":        {uri("spiffe:///"), "mtls.URI"},
		"uri-no-scheme":      {uri("example.org/"), "mtls.URI"},
		"uri-upper-scheme":   {uri("SPIFFE://example.org/"), "mtls.URI"},
		"uri-user":           {uri("spiffe://a@example.org/"), "mtls.URI"},
		"uri-query":          {uri("spiffe://example.org/?a/"), "mtls.URI"},
		"uri-escape":         {uri("spiffe://example.org/%41/"), "mtls.URI"},
		"uri-dots":           {uri("spiffe://example.org/../"), "mtls.URI"},
		"uri-empty-segment":  {uri("spiffe://example.org//"), "mtls.URI"},
		"uri-opaque-scheme":  {uri("urn:"), "mtls.URI"},
		"uri-opaque-open":    {uri("urn:example"), "mtls.URI"},
		"uri-rooted":         {uri("urn:/a:"), "mtls.URI"},
		"uri-bad":            {uri("spiffe://[::1/"), "mtls.URI"},
		"uri-long":           {uri("spiffe://" + strings.Repeat("a", 2048) + "/"), "mtls.URI"},
		"dns-wildcard":       {domain("*.example.org"), "mtls.DNS"},
		"dns-dot":            {domain(".example.org"), "mtls.DNS"},
		"dns-dot-end":        {domain("example.org."), "mtls.DNS"},
		"dns-single":         {domain("org"), "mtls.DNS"},
		"dns-upper":          {domain("Example.org"), "mtls.DNS"},
		"dns-url":            {domain("https://example.org"), "mtls.DNS"},
		"revocations-nil":    {with(func(c *mtls.Config) { c.Revocations = none }), "mtls.Revocations"},
		"outage-alone":       {with(func(c *mtls.Config) { c.InsecureOnOutage = time.Minute }), "mtls.InsecureOnOutage"},
		"outage-long":        {with(func(c *mtls.Config) { c.Revocations, c.InsecureOnOutage = &auth.MemoryRevocations{}, 2*time.Hour }), "mtls.InsecureOnOutage"},
		"outage-negative":    {with(func(c *mtls.Config) { c.Revocations, c.InsecureOnOutage = &auth.MemoryRevocations{}, -1 }), "mtls.InsecureOnOutage"},
		"cache-large":        {with(func(c *mtls.Config) { c.MaxCached = 1_000_001 }), "mtls.MaxCached"},
		"everything-at-once": {mtls.Config{DNS: "x", InsecureOnOutage: -1, MaxCached: 1 << 30}, "mtls.Issuer mtls.ClientCAs mtls.DNS mtls.InsecureOnOutage mtls.MaxCached"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := mtls.New(test.config)
			if (v == nil) != (err != nil) {
				t.Fatalf("%v, %v", v, err)
			}
			var fields []string
			if joined, ok := err.(interface{ Unwrap() []error }); ok {
				for _, one := range joined.Unwrap() {
					var wrong *bulwark.ConfigError
					if !errors.As(one, &wrong) || wrong.Reason == "" {
						t.Fatal(one)
					}
					fields = append(fields, wrong.Field)
				}
			}
			if got := strings.Join(fields, " "); got != test.fields {
				t.Errorf("%s, want %s", got, test.fields)
			}
		})
	}
}

func TestUnmade(t *testing.T) {
	me := client(t, authority(t, "ca", nil), uris(alice))
	for name, v := range map[string]*mtls.Verifier{"nil": nil, "zero": {}} {
		if _, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{v}}); err == nil {
			t.Errorf("%s: auth.New accepts it", name)
		}
		p, err := v.Authenticate(from(me))
		var wrong *bulwark.ConfigError
		if p != nil || !errors.As(err, &wrong) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
		w := httptest.NewRecorder()
		bulwark.Deny(w, from(me), err)
		if w.Code != 500 || !strings.Contains(w.Body.String(), "mtls.unconfigured") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if name, again := v.Review(&bulwark.Principal{}); v.Issuer() != "" || v.Detect(from(me)) != auth.None || name != "" || again != nil {
			t.Errorf("%s: something works", name)
		}
	}
}
