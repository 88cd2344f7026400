package dpop_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/faulttest"
	"github.com/bulwark-go/bulwark/internal/secrettest"
)

func TestConfigErrors(t *testing.T) {
	store := &dpop.MemoryReplays{}
	for _, test := range []struct {
		name   string
		config dpop.Config
		want   []string
	}{
		{"good", dpop.Config{Replays: store}, nil},
		{"good-at-its-limits", dpop.Config{Replays: store, Window: 5 * time.Minute, NonceKey: nonceKey, NonceLifetime: time.Hour, MaxProofBytes: 64 << 10, Algorithms: []string{"EdDSA"}}, nil},
		{"good-at-its-least", dpop.Config{Replays: store, Window: time.Second, NonceLifetime: 30 * time.Second, MaxProofBytes: 1}, nil},
		{"zero", dpop.Config{}, []string{"Replays"}},
		{"replays-nil-inside", dpop.Config{Replays: (*dpop.MemoryReplays)(nil)}, []string{"Replays"}},
		{"window-short", dpop.Config{Replays: store, Window: time.Second - 1}, []string{"Window"}},
		{"window-long", dpop.Config{Replays: store, Window: 5*time.Minute + 1}, []string{"Window"}},
		{"window-negative", dpop.Config{Replays: store, Window: -time.Second}, []string{"Window"}},
		{"nonce-key-short", dpop.Config{Replays: store, NonceKey: nonceKey[:31]}, []string{"NonceKey"}},
		{"nonce-key-public", dpop.Config{Replays: store, NonceKey: []byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n")}, []string{"NonceKey"}},
		{"nonce-lifetime-short", dpop.Config{Replays: store, NonceLifetime: 30*time.Second - 1}, []string{"NonceLifetime"}},
		{"nonce-lifetime-long", dpop.Config{Replays: store, NonceLifetime: time.Hour + 1}, []string{"NonceLifetime"}},
		{"max-bytes-negative", dpop.Config{Replays: store, MaxProofBytes: -1}, []string{"MaxProofBytes"}},
		{"max-bytes-large", dpop.Config{Replays: store, MaxProofBytes: 64<<10 + 1}, []string{"MaxProofBytes"}},
		{"algorithms", dpop.Config{Replays: store, Algorithms: []string{"ES256", "HS256", "none", "es256", ""}}, []string{"Algorithms[1]", "Algorithms[2]", "Algorithms[3]", "Algorithms[4]"}},
		{"all-at-once", dpop.Config{Window: time.Hour, NonceKey: []byte("short"), NonceLifetime: 1, MaxProofBytes: -1, Algorithms: []string{"none"}},
			[]string{"Algorithms[0]", "MaxProofBytes", "NonceKey", "NonceLifetime", "Replays", "Window"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := dpop.New(test.config)
			var want []string
			for _, field := range test.want {
				want = append(want, "dpop."+field)
			}
			if got := faulttest.Sorted(err); !slices.Equal(got, want) || (d == nil) != (len(want) > 0) {
				t.Errorf("errors for %q, want %q: %v", got, want, err)
			}
			if err != nil && strings.Contains(err.Error(), "short ") {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
}

// A configuration that is changed afterwards changes nothing.
func TestConfigIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := bytes.Clone(nonceKey)
		algorithms := []string{"ES256"}
		d, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}, NonceKey: key, Algorithms: algorithms})
		if err != nil {
			t.Fatal(err)
		}
		before := nonceFrom(t, d)
		key[0]++
		algorithms[0] = "RS256"
		if after := nonceFrom(t, d); after != before {
			t.Error("the nonce follows the caller's key")
		}
	})
}

// nonceFrom is the nonce that d asks for.
func nonceFrom(t *testing.T, d *dpop.Verifier) string {
	t.Helper()
	prover := authtest.NewProver(t)
	edge, err := bulwark.Edge{InsecureAnyHost: true, BaseURL: boundtest.BaseURL}.Build()
	if err != nil {
		t.Fatal(err)
	}
	nonce := ""
	edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		err := d.Check(r, "opaque", prover.Thumbprint())
		var p *bulwark.Problem
		if errors.As(err, &p) && len(p.Header["Dpop-Nonce"]) == 1 {
			nonce = p.Header["Dpop-Nonce"][0]
			return
		}
		t.Errorf("it asks for no nonce: %v", err)
	})).ServeHTTP(httptest.NewRecorder(), boundtest.Asks("DPoP", "opaque", prover.Proof(http.MethodGet, boundtest.Documents, "opaque", nil)))
	return nonce
}

// Without a BaseURL the program is wrong. The error says where an Edge goes, in
// a Chain and without it.
func TestWithoutABaseURL(t *testing.T) {
	d, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	prover := authtest.NewProver(t)
	r, _ := bulwark.Enter(boundtest.Asks("DPoP", "opaque", prover.Proof(http.MethodGet, boundtest.Documents, "opaque", nil)))
	var config *bulwark.ConfigError
	if err := d.Check(r, "opaque", prover.Thumbprint()); !errors.As(err, &config) {
		t.Fatalf("%v, want a ConfigError", err)
	}
	for _, part := range []string{"BaseURL", "before auth.Config in the Chain", "around the layer", "bulwark.NewEdge"} {
		if !strings.Contains(config.Reason, part) {
			t.Errorf("reason %q lacks %q", config.Reason, part)
		}
	}
}

func TestNoKeyIsPrinted(t *testing.T) {
	key := []byte("0123456789abcdefghijklmnopqrstuv")
	config := dpop.Config{Replays: &dpop.MemoryReplays{}, NonceKey: key, Window: 30 * time.Second}
	d, err := dpop.New(config)
	if err != nil {
		t.Fatal(err)
	}
	verifying := authtest.NewIssuer(t).Config()
	verifying.DPoP = d
	verifier, err := jwt.New(verifying)
	if err != nil {
		t.Fatal(err)
	}
	part := key[8:16]
	spellings := []string{
		string(part), fmt.Sprintf("%x", part), strings.Trim(fmt.Sprint(part), "[]"), fmt.Sprintf("%q", part)[1:9],
		strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte"), "{}"), base64.StdEncoding.EncodeToString(key)[8:24],
	}
	for _, value := range []any{config, &config, d, struct{ Config dpop.Config }{config}, struct{ DPoP *dpop.Verifier }{d}, map[string]any{"dpop": d, "config": config}} {
		text := secrettest.Printed(t, value)
		for _, secret := range spellings {
			if strings.Contains(text, secret) {
				t.Errorf("%T prints the key: %s", value, text)
			}
		}
	}
	for _, value := range []any{verifying, verifier} {
		text := fmt.Sprintf("%v %+v %#v", value, value, value)
		for _, secret := range spellings {
			if strings.Contains(text, secret) {
				t.Errorf("%T prints the key: %s", value, text)
			}
		}
	}
	if text := fmt.Sprint(config); !strings.Contains(text, "30s") {
		t.Errorf("%q does not tell the window", text)
	}
}
