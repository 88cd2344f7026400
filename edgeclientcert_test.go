package bulwark_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/race"
)

// certNamed is a self-signed certificate, long expired: a forwarded certificate
// is read here, and verified by the layer that takes it for a caller.
func certNamed(t testing.TB, name string, change ...func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)}
	for _, change := range change {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// forwarded is a certificate as RFC 9440 section 2.1 encodes it.
func forwarded(der []byte) string { return ":" + base64.StdEncoding.EncodeToString(der) + ":" }

// overTLS is r as if it had come on a connection with the certificates.
func overTLS(r *http.Request, certs ...*x509.Certificate) *http.Request {
	r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: certs}
	return r
}

// forwarding trusts the proxies for certificates, and for nothing else.
var forwarding = bulwark.Edge{InsecureAnyHost: true, ClientCertFrom: proxies}

func certsOf(s *bulwark.Scope) []*x509.Certificate {
	certs, _ := s.ClientCertificates()
	return certs
}

func same(a, b []*x509.Certificate) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}

func TestClientCertificates(t *testing.T) {
	mine, other, ca := certNamed(t, "mine"), certNamed(t, "other"), certNamed(t, "ca", func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true })
	line := forwarded(mine.Raw)
	unix := bulwark.Edge{InsecureAnyHost: true, TrustUnixSocket: true, ForwardedHeader: "X-Forwarded-For", ClientCertFromUnixSocket: true}
	notUnix := bulwark.Edge{InsecureAnyHost: true, TrustUnixSocket: true, ForwardedHeader: "X-Forwarded-For", ClientCertFrom: proxies}
	only := func(c ...*x509.Certificate) []*x509.Certificate { return c }
	for _, test := range []struct {
		name string
		edge bulwark.Edge
		r    *http.Request
		want []*x509.Certificate
	}{
		{"of-the-connection", bulwark.Edge{InsecureAnyHost: true}, overTLS(came("198.51.100.1:1"), mine, ca), only(mine, ca)},
		{"of-the-connection-beside-proxies", forwarding, overTLS(came("198.51.100.1:1"), mine, ca), only(mine, ca)},
		{"no-certificate", forwarding, overTLS(came("198.51.100.1:1")), nil},
		{"no-tls", forwarding, came("198.51.100.1:1"), nil},
		{"from-a-proxy", forwarding, came("10.0.0.1:1", "Client-Cert", line), only(mine)},
		{"from-a-proxy-by-ipv6", forwarding, came("[2001:db8:ffff::1]:1", "Client-Cert", line), only(mine)},
		{"from-a-proxy-mapped", forwarding, came("[::ffff:10.0.0.1]:1", "Client-Cert", line), only(mine)},
		{"from-a-proxy-of-translated-address", forwarding, came("[64:ff9b::a00:1]:1", "Client-Cert", line), nil},
		{"from-a-proxy-with-a-certificate", forwarding, overTLS(came("10.0.0.1:1", "Client-Cert", line), other), only(mine)},
		{"proxy-alone", forwarding, overTLS(came("10.0.0.1:1"), other), nil},
		{"proxy-alone-with-a-chain", forwarding, overTLS(came("10.0.0.1:1", "Client-Cert-Chain", line), other), nil},
		{"chain-is-not-read", forwarding, came("10.0.0.1:1", "Client-Cert", line, "Client-Cert-Chain", "what?"), only(mine)},
		{"from-a-stranger", forwarding, came("198.51.100.1:1", "Client-Cert", line), nil},
		{"from-a-stranger-with-a-certificate", forwarding, overTLS(came("198.51.100.1:1", "Client-Cert", line), other), only(other)},
		{"bad-from-a-stranger", forwarding, came("198.51.100.1:1", "Client-Cert", "x", "Client-Cert", "y"), nil},
		{"default-trusts-nobody", bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: "X-Forwarded-For"},
			overTLS(came("10.0.0.1:1", "X-Forwarded-For", "203.0.113.9", "Client-Cert", line), other), only(other)},
		{"other-header", forwarding, came("10.0.0.1:1", "X-Client-Cert", line, "X-Forwarded-Client-Cert", line, "Client_Cert", line), nil},
		{"client-inside-the-networks", bulwark.Edge{InsecureAnyHost: true, TrustedProxies: proxies, ForwardedHeader: "X-Forwarded-For", ClientCertFrom: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
			came("10.0.0.1:1", "X-Forwarded-For", "203.0.113.9", "Client-Cert", line), nil},
		{"spaces-around", forwarding, came("10.0.0.1:1", "Client-Cert", "  "+line+" "), only(mine)},
		{"a-ca", forwarding, came("10.0.0.1:1", "Client-Cert", forwarded(ca.Raw)), only(ca)},
		{"unix", unix, onUnixSocket(came("@", "X-Forwarded-For", "203.0.113.9", "Client-Cert", line)), only(mine)},
		{"unix-without", unix, overTLS(onUnixSocket(came("@", "X-Forwarded-For", "203.0.113.9")), other), nil},
		{"unix-not-named", notUnix, onUnixSocket(came("@", "X-Forwarded-For", "203.0.113.9", "Client-Cert", line)), nil},
		{"unix-with-the-name-of-a-proxy", notUnix, onUnixSocket(came("10.0.0.1:1", "X-Forwarded-For", "203.0.113.9", "Client-Cert", line)), nil},
		{"unix-field-and-tcp", unix, came("203.0.113.9:1", "Client-Cert", line), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, seen, events := ask(t, test.edge, test.r)
			if seen == nil || w.Code != 200 || len(events) != 0 {
				t.Fatalf("%d %s, events %+v", w.Code, w.Body, events)
			}
			if got, inherited := seen.ClientCertificates(); !same(got, test.want) || inherited {
				t.Errorf("%d certificates, want %d", len(got), len(test.want))
			}
		})
	}
	_, s := bulwark.Enter(overTLS(came("10.0.0.1:1", "Client-Cert", line), other))
	if certs, _ := s.ClientCertificates(); !same(certs, only(other)) {
		t.Error("without an Edge, only the connection counts")
	}
}

func TestBadClientCert(t *testing.T) {
	mine := certNamed(t, "secret-name")
	raw, line := mine.Raw, forwarded(mine.Raw)
	b64 := strings.Trim(line, ":")
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	huge := certNamed(t, "huge", func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Value: make([]byte, 17<<10)}}
	})
	padded := func() string { // of a certificate whose Base64 has padding
		for {
			c := certNamed(t, "padding")
			if len(c.Raw)%3 == 1 {
				return base64.StdEncoding.EncodeToString(c.Raw)
			}
		}
	}()
	last := strings.TrimRight(padded, "=")
	flipped := last[:len(last)-1] + string(last[len(last)-1]+1) + "==" // other bits behind the last byte
	urlSafe := func() string {
		for {
			if safe := base64.URLEncoding.EncodeToString(certNamed(t, "x").Raw); strings.ContainsAny(safe, "-_") {
				return safe
			}
		}
	}()
	for name, test := range map[string]struct {
		lines []string
		cause string
	}{
		"two-lines":            {[]string{line, line}, "more than one line"},
		"two-lines-one-empty":  {[]string{"", line}, "more than one line"},
		"list":                 {[]string{line + ", " + line}, "holds a list"},
		"list-of-one":          {[]string{line + ","}, "holds a list"},
		"parameter":            {[]string{line + ";a=1"}, "parameters"},
		"parameter-bare":       {[]string{line + "; a"}, "parameters"},
		"padding-missing":      {[]string{":" + last + ":"}, "Base64"},
		"padding-bits":         {[]string{":" + flipped + ":"}, "Base64"},
		"padding-too-much":     {[]string{":" + padded + "=:"}, "Base64"},
		"url-safe":             {[]string{":" + urlSafe + ":"}, "Base64"},
		"line-breaks":          {[]string{":" + b64[:64] + "\r\n" + b64[64:] + ":"}, "Base64"},
		"space-inside":         {[]string{":" + b64[:64] + " " + b64[64:] + ":"}, "Base64"},
		"colon-inside":         {[]string{":" + b64[:64] + ":" + b64[64:] + ":"}, "Base64"},
		"trailing-bytes":       {[]string{forwarded(append(raw[:len(raw):len(raw)], 0))}, "exactly one"},
		"two-certificates":     {[]string{forwarded(append(raw[:len(raw):len(raw)], raw...))}, "exactly one"},
		"cut-short":            {[]string{forwarded(raw[:len(raw)-1])}, "exactly one"},
		"not-der":              {[]string{forwarded([]byte("not DER"))}, "exactly one"},
		"pem":                  {[]string{text}, "holds PEM"},
		"pem-in-one-line":      {[]string{strings.ReplaceAll(text, "\n", "\t")}, "$ssl_client_cert"},
		"pem-url-encoded":      {[]string{url.PathEscape(text)}, "$ssl_client_escaped_cert"},
		"pem-inside":           {[]string{forwarded([]byte(text))}, "exactly one"},
		"xfcc":                 {[]string{"By=spiffe://a/b;Hash=0f;Subject=\"CN=secret-name\";URI=spiffe://a/c"}, "X-Forwarded-Client-Cert"},
		"base64-bare":          {[]string{b64}, "begin and end with a colon"},
		"base64-bare-padded":   {[]string{padded}, "begin and end with a colon"},
		"not-closed":           {[]string{line[:len(line)-1]}, "begin and end with a colon"},
		"not-opened":           {[]string{line[1:]}, "begin and end with a colon"},
		"one-colon":            {[]string{":"}, "begin and end with a colon"},
		"quoted":               {[]string{`"` + b64 + `"`}, "begin and end with a colon"},
		"garbage-behind":       {[]string{line + "x"}, "begin and end with a colon"},
		"empty":                {[]string{""}, "is empty"},
		"empty-sequence":       {[]string{"::"}, "is empty"},
		"blank":                {[]string{"  "}, "is empty"},
		"huge":                 {[]string{forwarded(huge.Raw)}, "16 KiB"},
		"a-little-too-large":   {[]string{forwarded(make([]byte, 16<<10+1))}, "16 KiB"},
		"huge-and-not-base64":  {[]string{strings.Repeat("-", 1<<20)}, "16 KiB"},
		"null":                 {[]string{"(null)"}, "begin and end with a colon"}, // of Apache
		"token":                {[]string{"NONE"}, "begin and end with a colon"},
		"inner-list":           {[]string{"(" + line + ")"}, "begin and end with a colon"},
		"dictionary":           {[]string{"a=" + line}, "begin and end with a colon"},
		"null-bytes-in-base64": {[]string{":" + b64[:8] + "\x00" + b64[8:] + ":"}, "Base64"},
	} {
		t.Run(name, func(t *testing.T) {
			r := overTLS(came("10.0.0.1:1"), mine)
			r.Header["Client-Cert"] = test.lines
			w, seen, events := ask(t, forwarding, r)
			if seen != nil {
				t.Fatal("it reached the handler")
			}
			checkProblem(t, w, 400, "edge.client_cert")
			if len(events) != 1 || events[0].Name != bulwark.InputValidationFail || events[0].Reason != "edge.client_cert" || events[0].Status != 400 {
				t.Fatalf("events %+v", events)
			}
			cause := attr(events[0], "error")
			if !strings.Contains(cause, test.cause) || !strings.Contains(cause, "bulwark.Edge.ClientCertFrom") {
				t.Errorf("cause %q", cause)
			}
			for _, echo := range []string{"secret-name", b64[:12]} {
				if strings.Contains(w.Body.String()+cause, echo) {
					t.Errorf("%q is echoed", echo)
				}
			}
		})
	}
}

// attr is an attribute of an event.
func attr(e bulwark.Event, key string) string {
	for _, a := range e.Attrs {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

func TestClientCertConfig(t *testing.T) {
	for name, test := range map[string]struct {
		edge bulwark.Edge
		want string
	}{
		"everybody":      {bulwark.Edge{ClientCertFrom: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, "edge.ClientCertFrom[0]"},
		"everybody-ipv6": {bulwark.Edge{ClientCertFrom: []netip.Prefix{proxies[0], netip.MustParsePrefix("::/0")}}, "edge.ClientCertFrom[1]"},
		"invalid":        {bulwark.Edge{ClientCertFrom: []netip.Prefix{{}}}, "edge.ClientCertFrom[0]"},
		"mapped":         {bulwark.Edge{ClientCertFrom: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}, "edge.ClientCertFrom[0]"},
		"unix":           {bulwark.Edge{ClientCertFromUnixSocket: true}, "edge.ClientCertFromUnixSocket"},
		"as-address":     {bulwark.Edge{TrustedProxies: proxies, ForwardedHeader: "client-cert-chain"}, "edge.ForwardedHeader"},
	} {
		t.Run(name, func(t *testing.T) {
			test.edge.Hosts = []string{"a"}
			layer, err := bulwark.NewEdge(test.edge)
			var wrong *bulwark.ConfigError
			if layer != nil || !errors.As(err, &wrong) || wrong.Field != test.want || wrong.Reason == "" {
				t.Errorf("%v, %v", layer, err)
			}
		})
	}
	networks := []netip.Prefix{proxies[0]}
	layer := bulwark.Must(bulwark.NewEdge(bulwark.Edge{InsecureAnyHost: true, ClientCertFrom: networks}))
	networks[0] = netip.MustParsePrefix("203.0.113.0/24")
	r, err := layer.Check(came("203.0.113.9:1", "Client-Cert", "x"))
	if err != nil {
		t.Errorf("the Edge sees a change of its Config: %v", err)
	}
	if _, s := bulwark.Enter(r); certsOf(s) != nil {
		t.Error("a certificate of nobody")
	}
}

// A handler may make a sub-request of what a client has written. Its header
// names no client, not even to the first Edge that it meets.
func TestSubRequestsHaveTheCertificateOfTheRequest(t *testing.T) {
	mine, other := certNamed(t, "mine"), certNamed(t, "other")
	edge := bulwark.Must(bulwark.NewEdge(forwarding))
	asked := 0
	part := func(outer *http.Request, peer string, want ...*x509.Certificate) {
		t.Helper()
		q := httptest.NewRequestWithContext(outer.Context(), "GET", "/", nil)
		q.RemoteAddr, q.TLS = peer, nil
		q.Header.Set("Client-Cert", forwarded(other.Raw))
		w := httptest.NewRecorder()
		edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			asked++
			_, s := bulwark.Enter(r)
			if got, inherited := s.ClientCertificates(); !same(got, want) || !inherited {
				t.Errorf("%d certificates, want %d, inherited %t", len(got), len(want), inherited)
			}
		})).ServeHTTP(w, q)
		if w.Code != 200 {
			t.Error(w.Code, w.Body)
		}
	}
	// Behind an Edge.
	r, err := edge.Check(came("10.0.0.1:1", "Client-Cert", forwarded(mine.Raw)))
	if err != nil {
		t.Fatal(err)
	}
	part(r, "", mine)
	part(r, "10.0.0.1:1", mine)
	// Where no Edge has seen the request around it.
	r, _ = bulwark.Enter(overTLS(came("198.51.100.1:1"), mine))
	part(r, "", mine)
	r, _ = bulwark.Enter(overTLS(came("198.51.100.1:1"), mine))
	part(r, "10.0.0.1:1")
	r, _ = bulwark.Enter(overTLS(came("10.0.0.1:1"), mine))
	part(r, "") // mine is the certificate of a proxy
	r, _ = bulwark.Enter(overTLS(came("10.0.0.1:1"), mine))
	part(r, "198.51.100.1:1")
	if asked != 6 {
		t.Errorf("%d parts", asked)
	}
}

// Two recorders do not make the request of a proxy a sub-request.
func TestClientCertBehindTwoRecorders(t *testing.T) {
	mine := certNamed(t, "mine")
	var outer, inner bulwarktest.Recorder
	ran := false
	outer.Wrap(inner.Wrap(bulwark.Must(bulwark.NewEdge(forwarding)).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, s := bulwark.Enter(r)
		certs, inherited := s.ClientCertificates()
		ran = same(certs, []*x509.Certificate{mine}) && !inherited
	})))).ServeHTTP(httptest.NewRecorder(), came("10.0.0.1:1", "Client-Cert", forwarded(mine.Raw)))
	if !ran {
		t.Error("the certificate is lost")
	}
}

// A refused certificate leaves the address of the client, for the event.
func TestBadClientCertNamesTheClient(t *testing.T) {
	edge := forwarding
	edge.TrustedProxies, edge.ForwardedHeader = proxies, "X-Forwarded-For"
	w, _, events := ask(t, edge, came("10.0.0.1:1", "X-Forwarded-For", "203.0.113.9", "Client-Cert", "x"))
	checkProblem(t, w, 400, "edge.client_cert")
	if len(events) != 1 || events[0].ClientIP != netip.MustParseAddr("203.0.113.9") {
		t.Errorf("events %+v", events)
	}
	w, _, _ = ask(t, edge, came("10.0.0.1:1", "X-Forwarded-For", "?", "Client-Cert", "x"))
	checkProblem(t, w, 400, "edge.forwarded")
	// A second look at the refused request does not find the certificate of the
	// proxy.
	layer := bulwark.Must(bulwark.NewEdge(edge))
	r, err := layer.Check(overTLS(came("10.0.0.1:1", "X-Forwarded-For", "203.0.113.9", "Client-Cert", "x"), certNamed(t, "proxy")))
	if err == nil {
		t.Fatal("accepted")
	}
	r, _ = layer.Check(r)
	if _, s := bulwark.Enter(r); len(certsOf(s)) != 0 {
		t.Error("the certificate of the proxy is one of a client")
	}
}

func TestClientCertFromCostsOthersNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	cost := func(edge bulwark.Edge, r *http.Request) float64 {
		layer := bulwark.Must(bulwark.NewEdge(edge))
		return testing.AllocsPerRun(100, func() {
			if _, err := layer.Check(r); err != nil {
				t.Fatal(err)
			}
		})
	}
	without := cost(bulwark.Edge{InsecureAnyHost: true}, came("198.51.100.1:1"))
	if got := cost(forwarding, overTLS(came("198.51.100.1:1"), certNamed(t, "mine"))); got != without {
		t.Errorf("%v allocations, %v without ClientCertFrom", got, without)
	}
	if got := cost(forwarding, came("10.0.0.1:1")); got != without {
		t.Errorf("%v allocations for a proxy without certificates, %v without ClientCertFrom", got, without)
	}
}

func FuzzClientCert(f *testing.F) {
	mine := certNamed(f, "mine")
	f.Add(forwarded(mine.Raw))
	f.Add(forwarded(mine.Raw) + ";a=1")
	f.Add(forwarded(mine.Raw)[1:])
	f.Add("::")
	f.Add("-----BEGIN%20CERTIFICATE-----%0A")
	f.Add("Hash=00;URI=spiffe://a/b")
	layer := bulwark.Must(bulwark.NewEdge(forwarding))
	f.Fuzz(func(t *testing.T, line string) {
		r := came("10.0.0.1:1")
		r.Header["Client-Cert"] = []string{line}
		r, err := layer.Check(r)
		_, s := bulwark.Enter(r)
		certs := certsOf(s)
		if err != nil {
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Status != 400 || p.Code != "edge.client_cert" || certs != nil {
				t.Fatalf("%v with %d certificates", err, len(certs))
			}
			return
		}
		// One certificate has one spelling, spaces around it aside.
		if len(certs) != 1 || forwarded(certs[0].Raw) != strings.Trim(line, " ") {
			t.Fatalf("%q is another certificate", line)
		}
	})
}
