package authz_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/sanitize"
	"github.com/bulwark-go/bulwark/validate"
)

// A chainedService is a whole chain around routes for documents. Document 1 is
// alice's, bob calls, and document 9 is missing.
type chainedService struct {
	http.Handler
	events bulwarktest.Recorder
	ran    int // layers and handlers of routes
}

func newChainedService(t *testing.T) *chainedService {
	t.Helper()
	s := new(chainedService)
	stack := bulwark.Must(bulwark.Chain(
		audit.Config{Logger: slog.New(slog.DiscardHandler), Observers: []bulwark.Recorder{&s.events}, AccessLog: true},
		bulwark.Edge{Hosts: []string{"api.example.com"}, RequestID: func(*http.Request) string { return "the-same-id-for-both" }},
		headers.Config{},
		cors.Config{Origins: []string{"https://app.example.com"}, Methods: []string{"GET", "PUT", "PATCH", "DELETE"}},
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute", MaxKeys: 64},
		auth.Config{Authenticators: []auth.Authenticator{bob{}}, Optional: true},
		ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "100/minute", Anonymous: "unlimited", MaxKeys: 64},
	))
	mux := authz.NewMux(mustPolicy(t, authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "update", "delete"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:*:own"}}},
	}))
	counts := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ran++; next.ServeHTTP(w, r) })
	})
	for method, action := range map[string]string{"GET": "read", "PUT": "update", "PATCH": "update", "DELETE": "delete"} {
		layers := []bulwark.Builder{counts, ratelimit.Config{Name: "route-" + method, Key: ratelimit.ByPrincipal, Rate: "9/minute", AuthOutside: true, MaxKeys: 64}}
		if method == "PUT" || method == "PATCH" {
			layers = append(layers, sanitize.Config{Fields: sanitize.Fields{"/title": sanitize.Text}},
				validate.Config{Body: validate.SchemaJSON(`{"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}}`)})
		}
		authz.HandleObject(mux, method+" /documents/{id}", documents().Can(action),
			func(w http.ResponseWriter, r *http.Request, d authz.Granted[*document]) { s.ran++ }, layers...)
	}
	s.Handler = stack.Wrap(mux)
	t.Cleanup(func() { mux.Shutdown(context.Background()); stack.Shutdown(context.Background()) })
	return s
}

// A body counts how often it is read.
type countedBody struct {
	io.Reader
	reads int
}

func (b *countedBody) Read(p []byte) (int, error) { b.reads++; return b.Reader.Read(p) }

// strangerCase is a request that must not tell a stranger's object from a
// missing one.
type strangerCase struct {
	name, method string
	header       map[string]string
	body         string
	unsized      bool
}

func strangerCases() (cases []strangerCase) {
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE"} {
		add := func(name, body string, unsized bool, header ...string) {
			c := strangerCase{name: method + "_" + name, method: method, header: map[string]string{}, body: body, unsized: unsized}
			for i := 0; i < len(header); i += 2 {
				c.header[header[i]] = header[i+1]
			}
			cases = append(cases, c)
		}
		add("plain", "", false)
		add("page", "", false, "Origin", "https://app.example.com")
		add("if_match", "", false, "If-Match", `"1"`)
		add("if_match_any", "", false, "If-Match", "*")
		add("if_none_match", "", false, "If-None-Match", "*", "If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")
		add("range", "", false, "Range", "bytes=0-1", "If-Range", `"1"`)
		add("expect", `{"title":"x"}`, false, "Expect", "100-continue", "Content-Type", "application/json")
		add("body", `{"title":"x"}`, false, "Content-Type", "application/json")
		add("malformed", `{"title":`, false, "Content-Type", "application/json")
		add("duplicate", `{"title":"a","title":"b","ROLE":1}`, false, "Content-Type", "application/json")
		add("wrong_type", "title=x", false, "Content-Type", "text/plain")
		add("deep", strings.Repeat("[", 10000), false, "Content-Type", "application/json")
		add("large", `{"title":"`+strings.Repeat("x", 2<<20)+`"}`, false, "Content-Type", "application/json")
		add("unsized", `{"title":"x"}`, true, "Content-Type", "application/json")
		add("encoded", "not gzip", false, "Content-Type", "application/json", "Content-Encoding", "gzip")
	}
	return cases
}

// Whoever may not read an object gets, byte for byte, the answer for a missing
// object, through a whole chain. Neither a layer of the route nor the handler
// runs, and nobody reads the body.
func TestStrangerIsMissing(t *testing.T) {
	for _, test := range strangerCases() {
		t.Run(test.name, func(t *testing.T) {
			answer := func(id, reason string) string {
				s := newChainedService(t)
				body := &countedBody{Reader: strings.NewReader(test.body)}
				r := httptest.NewRequest(test.method, "https://api.example.com/documents/"+id, body)
				r.ContentLength = int64(len(test.body))
				if test.unsized {
					r.ContentLength = -1
				}
				for name, value := range test.header {
					r.Header.Set(name, value)
				}
				w := serve(s, r)
				if s.ran != 0 || body.reads != 0 {
					t.Errorf("%s: %d layers or handlers ran, and the body was read %d times", id, s.ran, body.reads)
				}
				events := s.events.Take()
				if len(events) != 1 || events[0].Reason != reason || events[0].Name != bulwark.AuthzFail || events[0].UserID != "bob" {
					t.Errorf("%s: events %+v", id, events)
				}
				if w.Code != 404 {
					t.Errorf("%s: %d %s", id, w.Code, w.Body)
				}
				return dump(w.Code, w.Header(), w.Body.Bytes())
			}
			stranger, missing := answer("1", "authz.not_readable"), answer("9", "authz.not_found")
			if stranger != missing {
				t.Errorf("the answers differ:\n%s\n%s", stranger, missing)
			}
			if !strings.Contains(stranger, "Ratelimit") || !strings.Contains(stranger, "the-same-id") {
				t.Errorf("the chain is not whole: %s", stranger)
			}
		})
	}
}

func dump(status int, header http.Header, body []byte) string {
	var b strings.Builder
	fmt.Fprintln(&b, status)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Fprintf(&b, "%s: %q\n", name, header[name])
	}
	return b.String() + string(body)
}

// The same on the wire, with everything that net/http adds.
func TestStrangerIsMissingOnTheWire(t *testing.T) {
	date := regexp.MustCompile(`Date: [^\r]*`)
	for _, test := range strangerCases() {
		if test.body != "" {
			continue // net/http may reset a connection whose body nobody has read
		}
		exchange := func(id string) string {
			server := httptest.NewServer(newChainedService(t))
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "%s /documents/%s HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n", test.method, id)
			for _, name := range slices.Sorted(maps.Keys(test.header)) {
				fmt.Fprintf(conn, "%s: %s\r\n", name, test.header[name])
			}
			fmt.Fprintf(conn, "Content-Length: %d\r\n\r\n%s", len(test.body), test.body)
			all, err := io.ReadAll(conn)
			if err != nil {
				t.Fatal(err)
			}
			return date.ReplaceAllString(string(all), "Date: now")
		}
		stranger, missing := exchange("1"), exchange("9")
		if stranger != missing || !strings.HasPrefix(stranger, "HTTP/1.1 404 ") {
			t.Errorf("%s: the answers differ:\n%s\n%s", test.name, stranger, missing)
		}
	}
}

// How much is done for a stranger and for a missing object cannot be equal, but
// it can be counted. Both allocate the same, and only Owner is called for one
// of them.
func TestStrangerCostsWhatMissingCosts(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	policy := mustPolicy(t, guide())
	calls := map[string]int{}
	theirs := &document{ID: "1", OwnerID: "alice"}
	res := authz.Resource[*document]{Name: "document",
		Load: func(_ context.Context, r *http.Request) (*document, error) {
			calls["load"]++
			if r.PathValue("id") == "1" {
				return theirs, nil
			}
			return nil, authz.ErrNotFound
		},
		Owner: func(d *document) (string, string) { calls["owner"]++; return accounts, d.OwnerID }}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /documents/{id}", res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	w := nothing{http.Header{}}
	count := func(id string) (allocs float64, done string) {
		r := scoped(httptest.NewRequest("GET", "/documents/"+id, nil), as("mallory", "user"))
		clear(calls)
		mux.ServeHTTP(w, r)
		done = fmt.Sprint(calls)
		return testing.AllocsPerRun(100, func() { mux.ServeHTTP(w, r) }), done
	}
	stranger, asked := count("1")
	missing, looked := count("9")
	t.Logf("stranger: %v allocations, %s; missing: %v allocations, %s", stranger, asked, missing, looked)
	if stranger != missing {
		t.Errorf("a stranger's object: %v allocations, a missing one: %v", stranger, missing)
	}
	if asked != "map[load:1 owner:3]" || looked != "map[load:1]" {
		t.Errorf("calls: %s and %s", asked, looked)
	}
}
