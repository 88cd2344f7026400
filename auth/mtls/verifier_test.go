package mtls_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/mtls"
	"github.com/bulwark-go/bulwark/internal/race"
)

func TestCertificates(t *testing.T) {
	ca, stranger := authority(t, "ca", nil), authority(t, "ca", nil) // of one name
	middle := authority(t, "middle", &ca)
	shut := authority(t, "shut", &ca, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	below := authority(t, "below", &shut)
	past := authority(t, "past", &ca, validity(-2*time.Hour, -time.Hour))
	servers := authority(t, "servers", &ca, usage(x509.ExtKeyUsageServerAuth))
	fenced := authority(t, "fenced", &ca, func(c *x509.Certificate) {
		c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"other.example"}, true
	})
	notSigning := authority(t, "not-signing", &ca, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	person := client(t, ca, uris(alice)) // who plays an authority
	critical := func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
	}
	many := []entity{client(t, ca, uris(alice))}
	for range 9 {
		many = append(many, middle)
	}
	one := func(e entity, more ...entity) []entity { return append([]entity{e}, more...) }
	for _, test := range []struct {
		name          string
		chain         []entity
		reason, cause string // empty: accepted as alice
	}{
		{"good", one(client(t, ca, uris(alice))), "", ""},
		{"good-with-dns-beside", one(client(t, ca, uris(alice), dns("a.example", "*.example"))), "", ""},
		{"good-with-any-purpose-beside", one(client(t, ca, uris(alice), usage(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth))), "", ""},
		{"good-without-key-usage", one(client(t, ca, uris(alice), func(c *x509.Certificate) { c.KeyUsage = 0 })), "", ""},
		{"good-by-an-intermediate", one(client(t, middle, uris(alice)), middle), "", ""},
		{"good-with-the-root", one(client(t, middle, uris(alice)), middle, ca), "", ""},
		{"good-with-a-stranger-beside", one(client(t, ca, uris(alice)), stranger), "", ""},
		{"intermediate-missing", one(client(t, middle, uris(alice))), "issuer", "mtls.Config.Intermediates"},
		{"stranger", one(client(t, stranger, uris(alice))), "issuer", "mtls.Config.ClientCAs"},
		{"stranger-with-its-root", one(client(t, stranger, uris(alice)), stranger), "issuer", "mtls.Config.ClientCAs"},
		{"stranger-with-the-root", one(client(t, stranger, uris(alice)), ca), "issuer", "mtls.Config.ClientCAs"},
		{"self-signed", one(signed(t, nil, x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, uris(alice))), "issuer", "mtls.Config.ClientCAs"},
		{"good-further-up", one(client(t, stranger, uris(alice)), client(t, ca, uris(alice))), "issuer", "mtls.Config.ClientCAs"},
		{"signed-by-a-client", one(client(t, person, uris(alice)), person), "issuer", "mtls.Config.ClientCAs"},
		{"signed-by-a-key-for-something-else", one(client(t, notSigning, uris(alice)), notSigning), "issuer", "mtls.Config.ClientCAs"},
		{"path-too-long", one(client(t, below, uris(alice)), below, shut), "issuer", "path length"},
		{"name-constraint", one(client(t, fenced, uris(alice)), fenced), "issuer", "name constraints"},
		{"intermediate-for-servers", one(client(t, servers, uris(alice)), servers), "type", "clientAuth"},
		{"intermediate-expired", one(client(t, past, uris(alice)), past), "expired", "mtls.Config.ClientCAs"},
		{"too-many-intermediates", many, "malformed", "mtls.Config.Intermediates"},
		{"critical-extension", one(client(t, ca, uris(alice), critical)), "malformed", "critical"},
		{"expired", one(client(t, ca, uris(alice), validity(-2*time.Hour, -time.Second))), "expired", "has expired"},
		{"not-yet-valid", one(client(t, ca, uris(alice), validity(time.Hour, 2*time.Hour))), "not_yet_valid", "clock"},
		{"for-servers", one(client(t, ca, uris(alice), usage(x509.ExtKeyUsageServerAuth))), "type", "clientAuth"},
		{"for-nothing", one(client(t, ca, uris(alice), usage())), "type", "clientAuth"},
		{"for-anything", one(client(t, ca, uris(alice), usage(x509.ExtKeyUsageAny))), "type", "clientAuth"},
		{"authority", one(authority(t, "x", &ca, uris(alice), usage(x509.ExtKeyUsageClientAuth))), "type", "authority"},
		{"key-that-may-not-sign", one(client(t, ca, uris(alice), func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })), "type", "digitalSignature"},
		{"no-name", one(client(t, ca)), "malformed", "mtls.Config.URI"},
		{"common-name-only", one(client(t, ca, func(c *x509.Certificate) { c.Subject.CommonName = alice })), "malformed", "mtls.Config.URI"},
		{"dns-only", one(client(t, ca, dns("alice.example.org"))), "malformed", "mtls.Config.URI"},
		{"email-only", one(client(t, ca, func(c *x509.Certificate) { c.EmailAddresses = []string{"alice@example.org"} })), "malformed", "mtls.Config.URI"},
		{"two-uris", one(client(t, ca, uris(alice, trust+"ns/prod/sa/bob"))), "malformed", "exactly one URI"},
		{"one-uri-twice", one(client(t, ca, uris(alice, alice))), "malformed", "exactly one URI"},
		{"two-uris-of-two-domains", one(client(t, ca, uris("https://elsewhere.example/", alice))), "malformed", "exactly one URI"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, mtls.Config{ClientCAs: ca.pool()})
			for range 2 { // cold, and remembered where it is good
				if test.reason == "" {
					s.accepts(t, from(test.chain...), alice)
					continue
				}
				s.refuses(t, from(test.chain...), test.reason, test.cause)
			}
		})
	}
}

func TestNames(t *testing.T) {
	ca := authority(t, "ca", nil)
	for _, test := range []struct {
		name     string
		uri, dns string // of the Config
		names    change
		want     string // the Subject, or the reason of a refusal
	}{
		{"uri", trust, "", uris(trust + "a"), trust + "a"},
		{"uri-deeper-prefix", trust + "ns/", "", uris(trust + "ns/a"), trust + "ns/a"},
		{"uri-opaque", "urn:example:device:", "", uris("urn:example:device:17"), "urn:example:device:17"},
		{"uri-scheme-in-upper-case", trust, "", uris("SPIFFE://example.org/a"), trust + "a"},
		{"uri-port", "https://example.org:8443/", "", uris("https://example.org:8443/a"), "https://example.org:8443/a"},
		{"uri-prefix-alone", trust, "", uris(trust), "claim"},
		{"uri-other-domain", trust, "", uris("spiffe://other.example/a"), "claim"},
		{"uri-domain-behind", trust, "", uris("spiffe://example.org.evil.example/a"), "claim"},
		{"uri-domain-in-front", trust, "", uris("spiffe://evil.example/spiffe://example.org/a"), "claim"},
		{"uri-user", trust, "", uris("spiffe://example.org@evil.example/a"), "claim"},
		{"uri-port-added", trust, "", uris("spiffe://example.org:1/a"), "claim"},
		{"uri-other-scheme", trust, "", uris("https://example.org/a"), "claim"},
		{"uri-host-in-upper-case", trust, "", uris("spiffe://EXAMPLE.org/a"), "claim"},
		{"uri-other-namespace", trust + "ns/", "", uris(trust + "nsx/a"), "claim"},
		{"uri-dots-before-the-prefix", trust + "ns/", "", uris(trust + "x/../ns/a"), "claim"},
		{"uri-dots", trust + "ns/", "", uris(trust + "ns/../a"), "malformed"},
		{"uri-dot", trust, "", uris(trust + "./a"), "malformed"},
		{"uri-dots-at-the-end", trust, "", uris(trust + "a/.."), "malformed"},
		{"uri-escaped-dots", trust, "", uris(trust + "%2e%2e/a"), "malformed"},
		{"uri-escaped-slash", trust, "", uris(trust + "a%2Fb"), "malformed"},
		{"uri-empty-segment", trust, "", uris(trust + "a//b"), "malformed"},
		{"uri-slash-at-the-end", trust, "", uris(trust + "a/"), "malformed"},
		{"uri-query", trust, "", uris(trust + "a?b=c"), "malformed"},
		{"uri-empty-query", trust, "", uris(trust + "a?"), "malformed"},
		{"uri-fragment", trust, "", uris(trust + "a#b"), "malformed"},
		{"uri-long", trust, "", uris(trust + strings.Repeat("a", 2048)), "malformed"},
		{"dns", "", "partners.example.org", dns("a.partners.example.org"), "a.partners.example.org"},
		{"dns-itself", "", "partners.example.org", dns("partners.example.org"), "partners.example.org"},
		{"dns-deeper", "", "example.org", dns("a.b.example.org"), "a.b.example.org"},
		{"dns-upper-case", "", "example.org", dns("A.Example.ORG"), "a.example.org"},
		{"dns-uri-beside", "", "example.org", func(c *x509.Certificate) { uris(alice, trust)(c); dns("a.example.org")(c) }, "a.example.org"},
		{"dns-two", "", "example.org", dns("a.example.org", "b.example.org"), "malformed"},
		{"dns-two-of-two-domains", "", "example.org", dns("elsewhere.example", "b.example.org"), "malformed"},
		{"dns-none", "", "example.org", uris(alice), "malformed"},
		{"dns-common-name", "", "example.org", func(c *x509.Certificate) { c.Subject.CommonName = "a.example.org" }, "malformed"},
		{"dns-wildcard", "", "example.org", dns("*.example.org"), "malformed"},
		{"dns-wildcard-inside", "", "example.org", dns("a*.example.org"), "malformed"},
		{"dns-dot-at-the-end", "", "example.org", dns("a.example.org."), "malformed"},
		{"dns-empty-label", "", "example.org", dns("a..example.org"), "malformed"},
		{"dns-hyphen-in-front", "", "example.org", dns("-a.example.org"), "malformed"},
		{"dns-long-label", "", "example.org", dns(strings.Repeat("a", 64) + ".example.org"), "malformed"},
		{"dns-null-byte", "", "example.org", dns("evil.example\x00.example.org"), "malformed"},
		{"dns-space", "", "example.org", dns("a .example.org"), "malformed"},
		{"dns-other", "", "example.org", dns("a.example.com"), "claim"},
		{"dns-label-joined", "", "example.org", dns("evilexample.org"), "claim"},
		{"dns-domain-in-front", "", "example.org", dns("example.org.evil.example"), "claim"},
		{"dns-address", "", "example.org", dns("192.0.2.1"), "claim"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, mtls.Config{ClientCAs: ca.pool(), URI: test.uri, DNS: test.dns})
			r := from(client(t, ca, test.names))
			if test.want != "malformed" && test.want != "claim" {
				s.accepts(t, r, test.want)
				return
			}
			field := "mtls.Config.URI"
			if test.dns != "" {
				field = "mtls.Config.DNS"
			}
			s.refuses(t, r, test.want, field)
		})
	}
}

func TestThePrincipal(t *testing.T) {
	ca := authority(t, "ca", nil)
	short := authority(t, "short", &ca, validity(-time.Hour, 2*time.Hour))
	me := client(t, ca, uris(alice))
	s := serve(t, mtls.Config{ClientCAs: ca.pool()})
	s.accepts(t, from(me), alice)
	if p := s.seen; p.TokenID != me.thumbprint() || !p.IssuedAt.Equal(me.cert.NotBefore) || !p.ExpiresAt.Equal(me.cert.NotAfter) ||
		p.Roles != nil || p.Scopes != nil || p.Factors != nil || !p.AuthTime.IsZero() {
		t.Errorf("%+v", p)
	}
	// The chain ends before the certificate.
	s.accepts(t, from(client(t, short, uris(alice)), short), alice)
	if !s.seen.ExpiresAt.Equal(short.cert.NotAfter) {
		t.Errorf("expires at %v, its authority at %v", s.seen.ExpiresAt, short.cert.NotAfter)
	}
}

// A cross-signed authority has chains of different length of life. The longest
// counts, whichever is found first.
func TestTheLongestChainCounts(t *testing.T) {
	old, recent := authority(t, "old", nil, validity(-time.Hour, time.Hour)), authority(t, "recent", nil)
	middle := authority(t, "middle", &recent)
	crossed := x509.Certificate{Subject: middle.cert.Subject, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SerialNumber: middle.cert.SerialNumber, NotBefore: middle.cert.NotBefore, NotAfter: middle.cert.NotAfter}
	der, err := x509.CreateCertificate(rand.Reader, &crossed, old.cert, middle.key.Public(), old.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := old.pool()
	roots.AddCert(recent.cert)
	me := client(t, middle, uris(alice), validity(-time.Hour, 2*time.Hour))
	for _, between := range [][]entity{{middle, {cert, nil}}, {{cert, nil}, middle}} {
		s := serve(t, mtls.Config{ClientCAs: roots})
		s.accepts(t, from(append([]entity{me}, between...)...), alice)
		if !s.seen.ExpiresAt.Equal(me.cert.NotAfter) {
			t.Errorf("expires at %v, want %v", s.seen.ExpiresAt, me.cert.NotAfter)
		}
	}
}

func TestWithoutACertificate(t *testing.T) {
	ca := authority(t, "ca", nil)
	bad := client(t, ca, uris(alice), usage(x509.ExtKeyUsageServerAuth))
	optional := func(c *auth.Config, _ *bulwark.Edge) { c.Optional = true }
	s := serve(t, mtls.Config{ClientCAs: ca.pool()})
	for name, r := range map[string]*http.Request{"tls": from(), "plain": httptest.NewRequest("GET", "/", nil)} {
		w := s.ask(r)
		if w.Code != 401 || w.Header().Get("Www-Authenticate") != challenge || s.ran != 0 {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if events := s.rec.Take(); len(events) != 1 || events[0].Name != bulwark.AuthzFail {
			t.Errorf("%s: events %+v", name, events)
		}
	}
	if _, err := s.Authenticate(from()); problem(err) == nil || problem(err).Status != 401 {
		t.Errorf("without a certificate: %v", err)
	}
	s = serve(t, mtls.Config{ClientCAs: ca.pool()}, optional)
	if w := s.ask(from()); w.Code != 200 || s.ran != 1 || s.seen != nil || len(s.rec.Take()) != 0 {
		t.Errorf("anonymous: %d, caller %v", w.Code, s.seen)
	}
	w := s.ask(from(bad))
	if w.Code != 200 || s.ran != 2 || s.seen != nil {
		t.Errorf("bad with Optional: %d, caller %v", w.Code, s.seen)
	}
	if events := s.rec.Take(); len(events) != 1 || events[0].Name != bulwark.AuthnTokenInvalid || events[0].Reason != "type" || attrs(events)["authMethod"] != "mtls" {
		t.Errorf("events %+v", events)
	}
}

// A page of another site can make a browser send its certificate.
func TestCrossSite(t *testing.T) {
	ca := authority(t, "ca", nil)
	me := client(t, ca, uris(alice))
	for _, optional := range []bool{false, true} {
		s := serve(t, mtls.Config{ClientCAs: ca.pool()}, func(c *auth.Config, _ *bulwark.Edge) { c.Optional = optional })
		r := from(me)
		r.Method = "POST"
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := s.ask(r)
		if w.Code != 403 || s.ran != 0 || !strings.Contains(w.Body.String(), "auth.cross_site") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if events := s.rec.Take(); len(events) != 1 || events[0].Name != bulwark.MaliciousCSRF {
			t.Errorf("events %+v", events)
		}
		r = from(me)
		r.Method = "POST" // of a program, which sends no such header
		s.accepts(t, r, alice)
	}
}

// A handler outside the auth layer sends sub-requests, such as the parts of a
// batch. A page of another site can make a browser ask that handler, and the
// parts do not say so.
func TestASubRequestIsNobody(t *testing.T) {
	ca := authority(t, "ca", nil)
	me := client(t, ca, uris(alice))
	for name, part := range map[string]func(*http.Request) *http.Request{
		"new": func(r *http.Request) *http.Request {
			q, _ := http.NewRequestWithContext(r.Context(), "POST", "http://example.com/", nil)
			return q
		},
		"clone": func(r *http.Request) *http.Request { q := r.Clone(r.Context()); q.Header = http.Header{}; return q },
	} {
		s := serve(t, mtls.Config{ClientCAs: ca.pool()})
		r, _ := bulwark.Enter(from(me))
		r.Method = "POST"
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if w := s.ask(part(r)); w.Code != 401 || s.ran != 0 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		s.rec.Take()
		if _, err := s.Authenticate(part(r)); problem(err) == nil || problem(err).Status != 401 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// tokens accepts one token.
type tokens struct{}

func (tokens) Detect(r *http.Request) auth.Presence {
	if _, ok := auth.Credentials(r, "Bearer"); ok {
		return auth.Explicit
	}
	return auth.None
}

func (tokens) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	if token, _ := auth.Credentials(r, "Bearer"); token != "good" {
		return nil, auth.Invalid("malformed", nil)
	}
	return &bulwark.Principal{Subject: "bob", Issuer: "tokens", Method: "test"}, nil
}

func (tokens) Challenges() []bulwark.Challenge { return []bulwark.Challenge{{Scheme: "Bearer"}} }

// A certificate never stands in for a token.
func TestATokenComesFirst(t *testing.T) {
	ca := authority(t, "ca", nil)
	me := client(t, ca, uris(alice))
	s := serve(t, mtls.Config{ClientCAs: ca.pool()}, func(c *auth.Config, _ *bulwark.Edge) {
		c.Authenticators, c.Optional = append(c.Authenticators, tokens{}), true
	})
	for token, want := range map[string]int{"Bearer good": 200, "Bearer bad": 401, "Basic x": 401, "ClientCertificate x": 401, "x": 400} {
		r := from(me)
		r.Header.Set("Authorization", token)
		s.seen = nil
		if w := s.ask(r); w.Code != want || want == 200 && (s.seen == nil || s.seen.Subject != "bob") || want != 200 && s.seen != nil {
			t.Errorf("%s: %d, caller %+v", token, w.Code, s.seen)
		}
		s.rec.Take()
	}
	s.accepts(t, from(me), alice)
}

func TestForwarded(t *testing.T) {
	ca := authority(t, "ca", nil)
	middle := authority(t, "middle", &ca)
	proxied := func(_ *auth.Config, e *bulwark.Edge) {
		e.ClientCertFrom = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // of httptest
	}
	me, deep := client(t, ca, uris(alice)), client(t, middle, uris(alice))
	proxy := client(t, ca, uris(trust+"proxy"))
	with := func(e entity, chain ...entity) *http.Request {
		r := from(chain...)
		r.Header.Set("Client-Cert", e.forwarded())
		return r
	}
	s := serve(t, mtls.Config{ClientCAs: ca.pool()}, proxied)
	s.accepts(t, with(me), alice)
	s.accepts(t, with(me, proxy), alice)
	s.refuses(t, with(deep), "issuer", "behind a proxy only from Intermediates")
	s.refuses(t, with(deep, proxy, middle), "issuer", "behind a proxy only from Intermediates")
	s.refuses(t, with(client(t, authority(t, "ca", nil), uris(alice))), "issuer", "mtls.Config.ClientCAs")
	s.refuses(t, with(client(t, ca, uris(alice), validity(-time.Hour, -time.Second))), "expired", "expired")
	s.refuses(t, with(client(t, ca, uris(alice), usage(x509.ExtKeyUsageServerAuth)), proxy), "type", "clientAuth")
	// The certificate of the proxy is nobody's.
	if w := s.ask(from(proxy)); w.Code != 401 || w.Header().Get("Www-Authenticate") != challenge {
		t.Errorf("the proxy is a caller: %d", w.Code)
	}
	s.rec.Take()
	s = serve(t, mtls.Config{ClientCAs: ca.pool(), Intermediates: middle.pool()}, proxied)
	s.accepts(t, with(deep), alice)
	// From anybody else the header is nothing.
	s = serve(t, mtls.Config{ClientCAs: ca.pool()})
	s.accepts(t, with(me, proxy), trust+"proxy")
	if w := s.ask(with(me)); w.Code != 401 {
		t.Errorf("the header of a stranger is a credential: %d", w.Code)
	}
}

func TestMap(t *testing.T) {
	ca := authority(t, "ca", nil)
	me := client(t, ca, uris(alice), func(c *x509.Certificate) { c.Subject.OrganizationalUnit = []string{"admin"} })
	var calls int
	var kept *bulwark.Principal
	s := serve(t, mtls.Config{ClientCAs: ca.pool(), Map: func(p *bulwark.Principal, c *x509.Certificate) error {
		calls++
		kept = p
		p.Subject, p.Roles, p.Scopes, p.Tier = "alice", c.Subject.OrganizationalUnit, []string{"a"}, "premium"
		p.ExpiresAt = p.ExpiresAt.Add(-time.Hour)
		return nil
	}})
	for range 3 {
		s.accepts(t, from(me), "alice")
	}
	if p := s.seen; calls != 1 || p == kept || !slices.Equal(p.Roles, []string{"admin"}) || !slices.Equal(p.Scopes, []string{"a"}) || p.Tier != "premium" ||
		!p.ExpiresAt.Equal(me.cert.NotAfter.Add(-time.Hour)) || p.TokenID != me.thumbprint() {
		t.Errorf("%d calls, %+v", calls, p)
	}
	kept.Roles[0], kept.Subject = "root", "root"
	s.accepts(t, from(me), "alice")
	if s.seen.Roles[0] != "admin" || me.cert.Subject.OrganizationalUnit[0] == "admin" {
		t.Error("what Map keeps is what requests get")
	}

	gone := &bulwark.Problem{Status: 403, Code: "test.gone", Detail: "Gone."}
	var none *bulwark.Problem
	for name, test := range map[string]struct {
		change func(*bulwark.Principal) error
		status int
		code   string
		reason string
	}{
		"error":         {func(*bulwark.Principal) error { return errors.New("no") }, 401, "auth.invalid_token", "claim"},
		"problem":       {func(*bulwark.Principal) error { return gone }, 403, "test.gone", "test.gone"},
		"nil-problem":   {func(*bulwark.Principal) error { return none }, 401, "auth.invalid_token", "claim"},
		"panic":         {func(*bulwark.Principal) error { panic("secret") }, 500, "internal.error", "internal.error"},
		"panic-nil":     {func(*bulwark.Principal) error { panic(nil) }, 500, "internal.error", "internal.error"},
		"issuer":        {func(p *bulwark.Principal) error { p.Issuer = "x"; return nil }, 500, "internal.error", "internal.error"},
		"method":        {func(p *bulwark.Principal) error { p.Method = "jwt"; return nil }, 500, "internal.error", "internal.error"},
		"token-id":      {func(p *bulwark.Principal) error { p.TokenID = "x"; return nil }, 500, "internal.error", "internal.error"},
		"issued-at":     {func(p *bulwark.Principal) error { p.IssuedAt = time.Now(); return nil }, 500, "internal.error", "internal.error"},
		"expires-later": {func(p *bulwark.Principal) error { p.ExpiresAt = p.ExpiresAt.Add(1); return nil }, 500, "internal.error", "internal.error"},
		"expires-never": {func(p *bulwark.Principal) error { p.ExpiresAt = time.Time{}; return nil }, 500, "internal.error", "internal.error"},
		"no-subject":    {func(p *bulwark.Principal) error { p.Subject = ""; return nil }, 500, "internal.error", "internal.error"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, mtls.Config{ClientCAs: ca.pool(), Map: func(p *bulwark.Principal, _ *x509.Certificate) error { return test.change(p) }})
			for range 2 {
				w := s.ask(from(me))
				events := s.rec.Take()
				if w.Code != test.status || s.ran != 0 || !strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				if len(events) != 1 || events[0].Reason != test.reason || strings.Contains(attrs(events)["error"], "secret") ||
					test.status == 500 && !strings.Contains(attrs(events)["error"], "mtls.Config.Map") {
					t.Errorf("events %+v", events)
				}
			}
		})
	}
}

// broken revokes nothing, and fails on demand.
type broken struct {
	auth.MemoryRevocations
	err   error
	panic bool
	asked int
}

func (b *broken) Revoked(ctx context.Context, p *bulwark.Principal) (bool, error) {
	b.asked++
	if b.panic {
		panic("secret")
	}
	if b.err != nil {
		return false, b.err
	}
	return b.MemoryRevocations.Revoked(ctx, p)
}

func TestRevocations(t *testing.T) {
	ca := authority(t, "ca", nil)
	me, next := client(t, ca, uris(alice)), client(t, ca, uris(alice), validity(0, time.Hour))
	store := &broken{}
	s := serve(t, mtls.Config{ClientCAs: ca.pool(), Revocations: store})
	s.accepts(t, from(me), alice)
	p := s.seen
	name, again := s.Review(p)
	if other, _ := s.Review(&bulwark.Principal{TokenID: p.TokenID, Issuer: issuerName, Subject: "bob"}); other == name {
		t.Error("two callers of one certificate have one name")
	}
	if name == "" || again(t.Context()) != nil {
		t.Fatalf("%q", name)
	}
	if err := store.Revoke(t.Context(), auth.Revocation{Issuer: issuerName, TokenID: me.thumbprint(), Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, from(me), "revoked", "mtls.Config.Revocations") // from the cache
	if err := again(t.Context()); problem(err) == nil || problem(err).Status != 401 || problem(err).Log.Reason != "revoked" {
		t.Errorf("Review: %v", err)
	}
	s.accepts(t, from(next), alice)
	if other, _ := s.Review(s.seen); other == name {
		t.Error("two certificates have one name")
	}
	// All certificates of a caller whose validity has begun.
	if err := store.Revoke(t.Context(), auth.Revocation{Issuer: issuerName, Subject: alice, IssuedUntil: me.cert.NotBefore, Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	s.accepts(t, from(next), alice)
	s.refuses(t, from(client(t, ca, uris(alice), validity(-2*time.Hour, time.Hour))), "revoked", "mtls.Config.Revocations")

	for name, fail := range map[string]func(){
		"error": func() { store.err, store.panic = errors.New("down"), false },
		"panic": func() { store.err, store.panic = nil, true },
	} {
		fail()
		for _, optional := range []bool{false, true} {
			s := serve(t, mtls.Config{ClientCAs: ca.pool(), Revocations: store}, func(c *auth.Config, _ *bulwark.Edge) { c.Optional = optional })
			w := s.ask(from(next))
			events := s.rec.Take()
			if w.Code != 503 || s.ran != 0 || w.Header().Get("Retry-After") == "" || len(events) != 1 || events[0].Name != bulwark.SysUnavailable || events[0].Reason != "store_unavailable" {
				t.Errorf("%s: %d, events %+v", name, w.Code, events)
			}
			if err := again(t.Context()); problem(err) == nil || problem(err).Status != 503 {
				t.Errorf("Review in an outage: %v", err)
			}
		}
		s := serve(t, mtls.Config{ClientCAs: ca.pool(), Revocations: store, InsecureOnOutage: time.Hour})
		s.accepts(t, from(next), alice)
	}
	if name, again := serve(t, mtls.Config{ClientCAs: ca.pool()}).Review(p); name != "" || again != nil {
		t.Errorf("without Revocations: %q", name)
	}
	// A bad certificate costs the store nothing.
	store.asked = 0
	s.refuses(t, from(client(t, authority(t, "ca", nil), uris(alice))), "issuer", "mtls.Config.ClientCAs")
	if store.asked != 0 {
		t.Error("the store was asked about a stranger")
	}
}

// The dates count at each request, also from the cache and for the chain.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := authority(t, "ca", nil)
		middle := authority(t, "middle", &ca, validity(-time.Hour, 20*time.Second))
		calls := 0
		s := serve(t, mtls.Config{ClientCAs: ca.pool(), Map: func(*bulwark.Principal, *x509.Certificate) error { calls++; return nil }})
		short := client(t, ca, uris(alice), validity(-time.Hour, 30*time.Second))
		under := client(t, middle, uris(alice))
		long := client(t, ca, uris(alice))
		early := client(t, ca, uris(alice), validity(10*time.Second, time.Hour))
		s.accepts(t, from(short), alice)
		s.accepts(t, from(under, middle), alice)
		s.accepts(t, from(long), alice)
		s.refuses(t, from(early), "not_yet_valid", "clock")
		time.Sleep(10 * time.Second)
		s.accepts(t, from(early), alice)
		time.Sleep(10 * time.Second) // the authority between has ended
		s.accepts(t, from(short), alice)
		time.Sleep(time.Second)
		s.refuses(t, from(under, middle), "expired", "mtls.Config.ClientCAs")
		time.Sleep(9 * time.Second)
		s.accepts(t, from(short), alice)
		time.Sleep(time.Second)
		s.refuses(t, from(short), "expired", "expired")
		calls = 0
		time.Sleep(27 * time.Second) // 58 s
		s.accepts(t, from(long), alice)
		if calls != 0 {
			t.Errorf("%d verifications within the minute", calls)
		}
		time.Sleep(3 * time.Second)
		s.accepts(t, from(long), alice)
		if calls != 1 {
			t.Errorf("%d verifications after a minute", calls)
		}
	})
}

func TestNoCache(t *testing.T) {
	ca := authority(t, "ca", nil)
	calls := 0
	s := serve(t, mtls.Config{ClientCAs: ca.pool(), MaxCached: -1, Map: func(*bulwark.Principal, *x509.Certificate) error { calls++; return nil }})
	me := client(t, ca, uris(alice))
	for range 3 {
		s.accepts(t, from(me), alice)
	}
	if calls != 3 {
		t.Errorf("%d verifications", calls)
	}
}

// A client can send certificates of its own that certify each other in circles.
// The search for a chain takes up to 100 signatures, but not on each request.
func TestAMazeOfCertificates(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	ca, maze := authority(t, "ca", nil), authority(t, "maze", nil)
	s := serve(t, mtls.Config{ClientCAs: ca.pool()})
	all := []entity{client(t, maze, uris(alice))}
	for i := range 8 { // of one name and one key, so that each has signed each
		template := *maze.cert
		template.SerialNumber, template.DNSNames = big.NewInt(int64(i)+1), []string{strconv.Itoa(i) + ".example"}
		der, err := x509.CreateCertificate(rand.Reader, &template, maze.cert, maze.key.Public(), maze.key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entity{cert, maze.key})
	}
	r := from(all...)
	s.refuses(t, r, "issuer", "mtls.Config.ClientCAs")
	r, _ = bulwark.Enter(r)
	if got := testing.AllocsPerRun(100, func() {
		if _, err := s.Authenticate(r); problem(err).Log.Reason != "issuer" {
			t.Fatal(err)
		}
	}); got > 5 {
		t.Errorf("%v allocations for certificates that have been refused", got)
	}
}

// A refusal is about the certificates that came together, and holds for a
// minute.
func TestARefusalIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := authority(t, "ca", nil)
		soon := authority(t, "soon", &ca, validity(10*time.Second, time.Hour))
		middle := authority(t, "middle", &ca)
		s := serve(t, mtls.Config{ClientCAs: ca.pool()})
		me, early := client(t, middle, uris(alice)), client(t, soon, uris(alice))
		s.refuses(t, from(me), "issuer", "mtls.Config.ClientCAs")
		s.accepts(t, from(me, middle), alice)
		s.refuses(t, from(early, soon), "expired", "mtls.Config.ClientCAs")
		time.Sleep(59 * time.Second)
		s.refuses(t, from(early, soon), "expired", "mtls.Config.ClientCAs")
		time.Sleep(2 * time.Second)
		s.accepts(t, from(early, soon), alice)
	})
}

func TestPoolsAreCopied(t *testing.T) {
	ca, stranger := authority(t, "ca", nil), authority(t, "stranger", nil)
	middle := authority(t, "middle", &ca)
	pool, between := ca.pool(), x509.NewCertPool()
	s := serve(t, mtls.Config{ClientCAs: pool, Intermediates: between})
	pool.AddCert(stranger.cert)
	between.AddCert(middle.cert)
	s.refuses(t, from(client(t, stranger, uris(alice))), "issuer", "mtls.Config.ClientCAs")
	s.refuses(t, from(client(t, middle, uris(alice))), "issuer", "mtls.Config.ClientCAs")
	// What one client sends does not help another.
	s.accepts(t, from(client(t, middle, uris(alice)), middle), alice)
	s.refuses(t, from(client(t, middle, uris(alice))), "issuer", "mtls.Config.ClientCAs")
}

func TestARememberedCertificateAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	ca := authority(t, "ca", nil)
	s := serve(t, mtls.Config{ClientCAs: ca.pool(), Revocations: &auth.MemoryRevocations{}})
	r, _ := bulwark.Enter(from(client(t, ca, uris(alice))))
	got := testing.AllocsPerRun(100, func() {
		if s.Detect(r) != auth.Ambient {
			t.Fatal("not found")
		}
		if _, err := s.Authenticate(r); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}
