package confirmation_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
)

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name, claim string
		want        confirmation.Confirmation
		ok          bool
	}{
		{"key", `{"jkt":"a"}`, confirmation.Confirmation{Key: "a"}, true},
		{"certificate", `{"x5t#S256":"b"}`, confirmation.Confirmation{Certificate: "b"}, true},
		{"both", `{"jkt":"a","x5t#S256":"b"}`, confirmation.Confirmation{Key: "a", Certificate: "b"}, true},
		{"empty", `{}`, confirmation.Confirmation{Unknown: true}, true},
		{"jwk", `{"jwk":{"kty":"EC"}}`, confirmation.Confirmation{Unknown: true}, true},
		{"kid", `{"kid":"1"}`, confirmation.Confirmation{Unknown: true}, true},
		{"other-case", `{"JKT":"a"}`, confirmation.Confirmation{Unknown: true}, true},
		{"sha1-thumbprint", `{"x5t":"a"}`, confirmation.Confirmation{Unknown: true}, true},
		{"key-and-unknown", `{"jkt":"a","jku":"https://attacker.example"}`, confirmation.Confirmation{Key: "a", Unknown: true}, true},
		{"null", `null`, confirmation.Confirmation{}, false},
		{"list", `[{"jkt":"a"}]`, confirmation.Confirmation{}, false},
		{"text", `"jkt"`, confirmation.Confirmation{}, false},
		{"number", `1`, confirmation.Confirmation{}, false},
		{"bool", `false`, confirmation.Confirmation{}, false},
		{"key-null", `{"jkt":null}`, confirmation.Confirmation{}, false},
		{"key-empty", `{"jkt":""}`, confirmation.Confirmation{}, false},
		{"key-number", `{"jkt":1}`, confirmation.Confirmation{}, false},
		{"key-list", `{"jkt":["a"]}`, confirmation.Confirmation{}, false},
		{"key-object", `{"jkt":{"a":"a"}}`, confirmation.Confirmation{}, false},
		{"certificate-empty", `{"x5t#S256":""}`, confirmation.Confirmation{}, false},
		{"certificate-number", `{"x5t#S256":1}`, confirmation.Confirmation{}, false},
		{"certificate-null-beside-key", `{"jkt":"a","x5t#S256":null}`, confirmation.Confirmation{}, false},
		{"key-number-beside-unknown", `{"jkt":1,"kid":"1"}`, confirmation.Confirmation{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var claim any
			if err := json.Unmarshal([]byte(test.claim), &claim); err != nil {
				t.Fatal(err)
			}
			for range 16 { // members come in no order
				got, ok := confirmation.Read(claim)
				if ok != test.ok || got != test.want {
					t.Fatalf("%+v, %t", got, ok)
				}
			}
		})
	}
}

// prover notes what it has been asked, and answers.
type prover struct {
	token, thumbprint string
	asked             int
	err               error
}

func (p *prover) Check(_ *http.Request, token, thumbprint string) error {
	p.asked++
	p.token, p.thumbprint = token, thumbprint
	return p.err
}

func (p *prover) Challenge() bulwark.Challenge { return bulwark.Challenge{Scheme: "DPoP"} }

var errProof = errors.New("the proof is bad")

// refused asserts the one refusal of this package.
func refused(t *testing.T, err error) {
	t.Helper()
	var p *bulwark.Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v is no refusal", err)
	}
	if p.Status != 401 || p.Code != "auth.invalid_token" || p.Log.Reason != "binding" || p.Log.Event != bulwark.AuthnTokenInvalid || p.Err == nil || p.Challenges != nil {
		t.Errorf("refused with %+v", p)
	}
}

func TestAccepts(t *testing.T) {
	unbound, key := confirmation.Confirmation{}, confirmation.Confirmation{Key: "a"}
	certificate, both := confirmation.Confirmation{Certificate: "b"}, confirmation.Confirmation{Key: "a", Certificate: "b"}
	all := map[string]confirmation.Confirmation{"unbound": unbound, "key": key, "certificate": certificate, "both": both,
		"unknown": {Unknown: true}, "key-and-unknown": {Key: "a", Unknown: true}, "certificate-and-unknown": {Certificate: "b", Unknown: true}}
	for name, test := range map[string]struct {
		rules  confirmation.Rules
		accept []string
		scheme []string
	}{
		"zero":                 {confirmation.Rules{}, []string{"unbound"}, []string{"Bearer"}},
		"unbound-alone":        {confirmation.Rules{Unbound: true}, []string{"unbound"}, []string{"Bearer"}},
		"dpop":                 {confirmation.Rules{Prover: &prover{}}, []string{"key"}, []string{"DPoP"}},
		"dpop-and-unbound":     {confirmation.Rules{Prover: &prover{}, Unbound: true}, []string{"key", "unbound"}, []string{"DPoP", "Bearer"}},
		"mutual-tls":           {confirmation.Rules{MutualTLS: true}, []string{"certificate"}, []string{"Bearer"}},
		"mutual-tls-unbound":   {confirmation.Rules{MutualTLS: true, Unbound: true}, []string{"certificate", "unbound"}, []string{"Bearer"}},
		"dpop-and-mutual-tls":  {confirmation.Rules{Prover: &prover{}, MutualTLS: true}, []string{"both", "certificate", "key"}, []string{"DPoP", "Bearer"}},
		"all-that-can-be-done": {confirmation.Rules{Prover: &prover{}, MutualTLS: true, Unbound: true}, []string{"both", "certificate", "key", "unbound"}, []string{"DPoP", "Bearer"}},
	} {
		t.Run(name, func(t *testing.T) {
			var schemes []string
			for _, c := range test.rules.Challenges() {
				schemes = append(schemes, c.Scheme)
			}
			if !slices.Equal(schemes, test.scheme) {
				t.Errorf("schemes %v, want %v", schemes, test.scheme)
			}
			for described, c := range all {
				err := test.rules.Accepts(c)
				if slices.Contains(test.accept, described) {
					if err != nil {
						t.Errorf("%s: %v", described, err)
					}
					continue
				}
				refused(t, err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	leaf, other := &x509.Certificate{Raw: []byte("leaf")}, &x509.Certificate{Raw: []byte("other")}
	sum := sha256.Sum256(leaf.Raw)
	thumbprint := base64.RawURLEncoding.EncodeToString(sum[:])
	with := func(chain ...*x509.Certificate) *tls.ConnectionState {
		return &tls.ConnectionState{PeerCertificates: chain}
	}
	key, certificate := confirmation.Confirmation{Key: "a"}, confirmation.Confirmation{Certificate: thumbprint}
	both := confirmation.Confirmation{Key: "a", Certificate: thumbprint}
	for _, test := range []struct {
		name, scheme string
		bound        confirmation.Confirmation
		tls          *tls.ConnectionState
		proof        error // of the prover
		asked        bool
		passes       bool
	}{
		{"unbound", "Bearer", confirmation.Confirmation{}, nil, errProof, false, true},
		{"unbound-as-dpop", "DPoP", confirmation.Confirmation{}, nil, nil, false, false},
		{"unbound-as-dpop-lower-case", "dpop", confirmation.Confirmation{}, nil, nil, false, false},
		{"key", "DPoP", key, nil, nil, true, true},
		{"key-lower-case", "dpop", key, nil, nil, true, true},
		{"key-with-bad-proof", "DPoP", key, nil, errProof, true, false},
		{"key-as-bearer", "Bearer", key, nil, nil, false, false},
		{"certificate", "Bearer", certificate, with(leaf), errProof, false, true},
		{"certificate-of-the-chain", "Bearer", certificate, with(leaf, other), errProof, false, true},
		{"certificate-further-up", "Bearer", certificate, with(other, leaf), nil, false, false},
		{"certificate-of-another", "Bearer", certificate, with(other), nil, false, false},
		{"certificate-missing", "Bearer", certificate, with(), nil, false, false},
		{"certificate-without-tls", "Bearer", certificate, nil, nil, false, false},
		{"certificate-padded", "Bearer", confirmation.Confirmation{Certificate: thumbprint + "="}, with(leaf), nil, false, false},
		{"certificate-as-dpop", "DPoP", certificate, with(leaf), nil, false, false},
		{"both", "DPoP", both, with(leaf), nil, true, true},
		{"both-as-bearer", "Bearer", both, with(leaf), nil, false, false},
		{"both-without-certificate", "DPoP", both, with(other), nil, false, false},
		{"both-with-bad-proof", "DPoP", both, with(leaf), errProof, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &prover{err: test.proof}
			rules := confirmation.Rules{Prover: p, MutualTLS: true, Unbound: true}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.TLS = test.tls
			err := rules.Check(r, test.scheme, "token", test.bound)
			switch {
			case test.passes && err != nil:
				t.Error(err)
			case !test.passes && test.asked && !errors.Is(err, errProof):
				t.Errorf("%v, want what the prover says", err)
			case !test.passes && !test.asked:
				refused(t, err)
			}
			if asked := p.asked == 1 && p.token == "token" && p.thumbprint == "a"; asked != test.asked || p.asked > 1 {
				t.Errorf("the prover was asked %d times, about %q and %q", p.asked, p.token, p.thumbprint)
			}
		})
	}
}

// A part of a batch has a token of its own, and the connection of the batch.
func TestCheckOfASubRequest(t *testing.T) {
	leaf := &x509.Certificate{Raw: []byte("leaf")}
	sum := sha256.Sum256(leaf.Raw)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	r, _ = bulwark.Enter(r)
	part := httptest.NewRequestWithContext(r.Context(), http.MethodGet, "/", nil)
	rules := confirmation.Rules{MutualTLS: true}
	if err := rules.Check(part, "Bearer", "token", confirmation.Confirmation{Certificate: base64.RawURLEncoding.EncodeToString(sum[:])}); err != nil {
		t.Error(err)
	}
	sum[0]++
	refused(t, rules.Check(part, "Bearer", "token", confirmation.Confirmation{Certificate: base64.RawURLEncoding.EncodeToString(sum[:])}))
}

func TestCredentials(t *testing.T) {
	with, without := confirmation.Rules{Prover: &prover{}}, confirmation.Rules{MutualTLS: true}
	for _, test := range []struct {
		name   string
		rules  *confirmation.Rules
		lines  []string
		scheme string // empty where there are none
	}{
		{"bearer", &without, []string{"Bearer a"}, "Bearer"},
		{"bearer-to-dpop", &with, []string{"Bearer a"}, "Bearer"},
		{"bearer-lower-case", &with, []string{"bearer a"}, "Bearer"},
		{"dpop", &with, []string{"DPoP a"}, "DPoP"},
		{"dpop-lower-case", &with, []string{"dpop a"}, "DPoP"},
		{"dpop-to-nobody", &without, []string{"DPoP a"}, ""},
		{"neither", &with, []string{"Basic a"}, ""},
		{"two", &with, []string{"DPoP a", "Bearer a"}, ""},
		{"two-of-one", &with, []string{"DPoP a", "DPoP a"}, ""},
		{"none", &with, nil, ""},
		{"scheme-only", &with, []string{"DPoP"}, ""},
		{"scheme-inside", &with, []string{"DPoPx a"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Authorization"] = test.lines
			token, scheme, ok := test.rules.Credentials(r)
			if want := test.scheme != ""; ok != want || want && (token != "a" || scheme != test.scheme) {
				t.Errorf("%q under %q, %t", token, scheme, ok)
			}
		})
	}
}

func TestCheckNone(t *testing.T) {
	if err := confirmation.CheckNone(confirmation.Confirmation{}); err != nil {
		t.Error(err)
	}
	for _, c := range []confirmation.Confirmation{{Key: "a"}, {Certificate: "b"}, {Unknown: true}} {
		refused(t, confirmation.CheckNone(c))
	}
}
