package bulwark_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
)

// Neither a cache nor a browser takes the refusal for what the handler was
// about to give, and what the layers set for every answer stays.
func TestCaseRoot4FieldsOfTheOtherAnswer(t *testing.T) {
	gone := []string{"CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "Expires", "Age", "ETag", "Last-Modified", "Pragma",
		"Content-Disposition", "Content-Encoding", "Content-Language", "Content-Location", "Content-MD5", "Content-Digest", "Repr-Digest", "Digest", "Content-Range",
		"Accept-Ranges", "Link", "Location", "Refresh", "Trailer", "Transfer-Encoding", "X-Accel-Redirect", "X-Sendfile", "Trailer:X-Sum"}
	stays := []string{"Content-Security-Policy", "Strict-Transport-Security", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Vary", "Set-Cookie",
		"RateLimit", "RateLimit-Policy", "X-Frame-Options", "Cross-Origin-Opener-Policy", "Reporting-Endpoints", "X-Own"}
	for _, responder := range []bulwark.Responder{nil, func(w http.ResponseWriter, _ *http.Request, p *bulwark.Problem) { w.WriteHeader(p.Status) }} {
		server := httptest.NewServer(bulwark.Must(bulwark.NewEdge(bulwark.Edge{InsecureAnyHost: true, Responder: responder})).Wrap(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, name := range append(gone, stays...) {
					w.Header().Set(name, "x")
				}
				w.Header().Set("Cache-Control", "public, max-age=600")
				w.Header().Set("Content-Type", "video/mp4")
				bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "x.y", Header: http.Header{"Link": {"<https://example.com/help>; rel=help"}}})
			})))
		answer, err := http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		server.Close()
		for _, name := range gone {
			if got := answer.Header[http.CanonicalHeaderKey(name)]; got != nil && name != "Link" || answer.Trailer != nil {
				t.Errorf("%s is still there: %q", name, got)
			}
		}
		for _, name := range stays {
			if answer.Header.Get(name) != "x" {
				t.Errorf("%s is gone", name)
			}
		}
		if answer.StatusCode != 403 || answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Content-Type") == "video/mp4" ||
			len(answer.Header["Link"]) != 1 || answer.Header.Get("Link") == "x" {
			t.Errorf("%d %v", answer.StatusCode, answer.Header)
		}
	}
}
