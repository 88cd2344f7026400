package conformance_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/dpop"
)

// The request of RFC 9449 section 7.1, figure 13, and what binds its token
// (section 6.1, figure 9).
const (
	rfc9449Token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	rfc9449Proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik" +
		"VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR" +
		"nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE" +
		"QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj" +
		"oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z" +
		"WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF" +
		"c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E" +
		"OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	rfc9449Thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

// The proof is accepted in its time, once, for its request, token and key, and
// refused for any other.
func TestRFC9449(t *testing.T) {
	for _, test := range []struct {
		name, method, target, token, thumbprint string
		late                                    time.Duration
		reason                                  string
	}{
		{"as-it-is", "GET", "/protectedresource", rfc9449Token, rfc9449Thumbprint, 0, ""},
		{"with-a-query", "GET", "/protectedresource?a=b", rfc9449Token, rfc9449Thumbprint, 0, ""},
		{"at-the-end-of-its-time", "GET", "/protectedresource", rfc9449Token, rfc9449Thumbprint, time.Minute, ""},
		{"late", "GET", "/protectedresource", rfc9449Token, rfc9449Thumbprint, 61 * time.Second, "proof"},
		{"early", "GET", "/protectedresource", rfc9449Token, rfc9449Thumbprint, -61 * time.Second, "proof"},
		{"another-method", "POST", "/protectedresource", rfc9449Token, rfc9449Thumbprint, 0, "proof"},
		{"another-path", "GET", "/protectedresource/1", rfc9449Token, rfc9449Thumbprint, 0, "proof"},
		{"another-token", "GET", "/protectedresource", rfc9449Token + "x", rfc9449Thumbprint, 0, "proof"},
		{"another-key", "GET", "/protectedresource", rfc9449Token, "x" + rfc9449Thumbprint[1:], 0, "binding"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Unix(1562262618, 0).Add(test.late)))
				check := checker(t)
				if got := check(test.method, test.target, test.token, test.thumbprint); got != test.reason {
					t.Fatalf("reason %q, want %q", got, test.reason)
				}
				if got := check(test.method, test.target, test.token, test.thumbprint); test.reason == "" && got != "replay" {
					t.Errorf("used again: reason %q", got)
				}
			})
		})
	}
}

// checker returns a function that sends the proof and says why it was refused.
func checker(t *testing.T) func(method, target, token, thumbprint string) string {
	proofs, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	edge, err := bulwark.Edge{Hosts: []string{"resource.example.org"}, BaseURL: "https://resource.example.org"}.Build()
	if err != nil {
		t.Fatal(err)
	}
	return func(method, target, token, thumbprint string) string {
		var refusal error
		handler := edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			refusal = proofs.Check(r, token, thumbprint)
		}))
		r := httptest.NewRequest(method, target, nil)
		r.Host = "resource.example.org"
		r.Header.Set("DPoP", rfc9449Proof)
		handler.ServeHTTP(httptest.NewRecorder(), r)
		var p *bulwark.Problem
		switch {
		case refusal == nil:
			return ""
		case errors.As(refusal, &p):
			return p.Log.Reason
		}
		return refusal.Error()
	}
}
