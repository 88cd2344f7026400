package cors_test

import (
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark/cors"
)

// Under a domain that is nobody's suffix there may be names that are
// everybody's.
func TestSuffixesUnderAWildcard(t *testing.T) {
	c := cors.Config{Credentials: true, Methods: []string{"GET"}, Origins: []string{
		"https://*.amazonaws.com", "https://*.ours.s3.amazonaws.com", "https://listed.s3.amazonaws.com", "https://*.example.com"}}
	for origin, want := range map[string]bool{
		"https://console.amazonaws.com":            true,
		"https://a.b.amazonaws.com":                true,
		"https://s3.amazonaws.com":                 false,
		"https://evil.s3.amazonaws.com":            false,
		"https://a.evil.s3.amazonaws.com":          false,
		"https://evil.compute.amazonaws.com":       false,
		"https://evil.eu-west-1.elb.amazonaws.com": false,
		"https://listed.s3.amazonaws.com":          true,
		"https://a.ours.s3.amazonaws.com":          true,
		"https://a.b.ours.s3.amazonaws.com":        true,
		"https://ours.s3.amazonaws.com":            false,
		"https://a.example.com":                    true,
		"https://s3.amazonaws.com.example.com":     true,
	} {
		header := http.Header{"Origin": {origin}}
		x := (&exchange{method: "GET", header: header}).through(t, c)
		if got := x.w.Header().Get("Access-Control-Allow-Origin") == origin; got != want || !x.ran {
			t.Errorf("%s may read the answer: %t, want %t", origin, got, want)
		}
		x = (&exchange{method: "OPTIONS", header: preflight(origin, "GET")}).through(t, c)
		if got := x.w.Code == http.StatusNoContent; got != want {
			t.Errorf("the preflight of %s is allowed: %t, want %t", origin, got, want)
		}
		if !want {
			x.refused(t, http.StatusForbidden, "cors.origin")
		}
	}
	x := (&exchange{method: "GET", header: http.Header{"Origin": {"https://evil.s3.amazonaws.com:8443"}}}).
		through(t, cors.Config{Origins: []string{"https://*.amazonaws.com:8443"}})
	if headers, _ := x.access(); headers != "" {
		t.Errorf("with a port it is allowed: %s", headers)
	}
}
