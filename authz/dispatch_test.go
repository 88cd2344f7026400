package authz_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/race"
)

// A dispatcher makes random patterns, and requests that are near them.
type dispatcher struct{ *rand.Rand }

func pick[T any](d dispatcher, of ...T) T { return of[d.IntN(len(of))] }

// pattern is a pattern of up to four segments.
func (d dispatcher) pattern(methodless bool) string {
	method := pick(d, "GET ", "GET ", "GET ", "POST ", "PUT ", "DELETE ", "PATCH ", "HEAD ", "OPTIONS ", "PURGE ")
	if methodless && d.IntN(4) == 0 {
		method = ""
	}
	path := pick(d, "", "", "", "h.example", "x.h.example")
	for i := range d.IntN(4) {
		path += pick(d, "/a", "/b", "/c", "/a-b", "/d.e", fmt.Sprintf("/{w%d}", i), fmt.Sprintf("/{v%d}", i))
	}
	path += pick(d, "", "", "/", "/{$}", "/{rest...}", "/a")
	if !strings.Contains(path, "/") {
		path += "/"
	}
	return method + path
}

// target is a clean path that a pattern may match.
func (d dispatcher) target(patterns []string) (host, path string) {
	host, path = pick(d, "h.example", "x.h.example", "other.example", "h.example:8080"), ""
	if d.IntN(8) == 0 {
		for range d.IntN(5) {
			path += "/" + pick(d, "a", "b", "c", "zz", "%61", "a%20b")
		}
		return host, path + pick(d, "/", "/a")
	}
	_, pattern, found := strings.Cut(pick(d, patterns...), "/")
	if !found {
		return host, "/"
	}
	for segment := range strings.SplitSeq(pattern, "/") {
		switch {
		case segment == "{$}":
			path += "/"
		case segment == "{rest...}", segment == "":
			path += "/" + pick(d, "", "a", "a/b", "b/", "%7Ec/d")
		case segment[0] == '{':
			path += "/" + pick(d, "a", "b", "zz", "a-b", "%C3%A4", "a%20b", "a+b", "1")
		default:
			path += "/" + pick(d, segment, segment, segment, "b", strings.Replace(segment, "a", "%61", 1))
		}
	}
	if d.IntN(6) == 0 {
		path += pick(d, "/", "/a", "x")
	}
	end := pick(d, "", "", "/")
	if strings.Trim(path, "/") == "" {
		end = ""
	}
	return host, "/" + strings.Trim(strings.ReplaceAll(path, "//", "/"), "/") + end
}

// spoil makes a clean path unclean.
func (d dispatcher) spoil(path string) string {
	at := d.IntN(len(path)) + 1
	if i := strings.LastIndexByte(path[:at], '%'); i >= 0 && at-i < 3 { // not inside an escape
		at = i
	}
	return path[:at] + pick(d, "//", "/./", "/../", "%2F", "%2f", "%5C", "%5c", "/%2e%2e/", "/%2E/", "/..;x/", "%2F..%2F", "%252F", "%255c", "%2500") + path[at:]
}

// A dispatched is what came of a request.
type dispatched struct {
	status  int
	allow   string
	pattern string // that ran, or empty
	values  string
}

// A spot is where the handlers of the random patterns note that they ran.
type spot struct{ dispatched }

func (s *spot) handler(pattern string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.pattern = pattern
		for i := range 4 {
			s.values += fmt.Sprintf("%q %q ", r.PathValue(fmt.Sprint("w", i)), r.PathValue(fmt.Sprint("v", i)))
		}
		s.values += fmt.Sprintf("%q", r.PathValue("rest"))
	})
}

func (s *spot) serve(h http.Handler, method, host, path string) dispatched {
	u, err := url.ParseRequestURI(path)
	if err != nil {
		panic(err)
	}
	s.dispatched = dispatched{}
	w := &statusWriter{header: http.Header{}}
	h.ServeHTTP(w, &http.Request{Method: method, Host: host, URL: u, RequestURI: path, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1})
	s.status, s.allow = cmp.Or(w.status, 200), w.header.Get("Allow")
	return s.dispatched
}

// statusWriter keeps the status of an answer, and its header.
type statusWriter struct {
	header http.Header
	status int
}

func (w *statusWriter) Header() http.Header         { return w.header }
func (w *statusWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *statusWriter) WriteHeader(status int)      { w.status = cmp.Or(w.status, status) }

func redirects(status int) bool { return status == 301 || status == 307 || status == 308 }

var resourceMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

// wanted is what authz makes of what ServeMux does: the same, but no redirect,
// and no method that only redirects in Allow.
func (s *spot) wanted(theirs http.Handler, method, host, path string) dispatched {
	want := s.serve(theirs, method, host, path)
	switch {
	case redirects(want.status):
		return dispatched{status: 404}
	case want.status == 405:
		var served []string
		for m := range strings.SplitSeq(want.allow, ", ") {
			if !redirects(s.serve(theirs, m, host, path).status) {
				served = append(served, m)
			}
		}
		if served == nil {
			return dispatched{status: 404}
		}
		return dispatched{status: 405, allow: strings.Join(served, ", ")}
	case want.pattern != "" && strings.HasPrefix(want.pattern, "/") || want.pattern != "" && !strings.Contains(want.pattern, " "):
		if !slices.Contains(resourceMethods, method) { // a pattern without a method
			return dispatched{status: 405, allow: strings.Join(resourceMethods, ", ")}
		}
	}
	return want
}

// TestDispatch compares Mux with ServeMux on a hundred thousand requests, and
// Guard on a quarter of them. The handler that runs, its path values, and the
// answers without a handler are equal on clean paths. No handler runs for an
// unclean path.
func TestDispatch(t *testing.T) {
	sets := 500
	if race.Enabled {
		sets = 50 // the detector looks at the code, and not at the patterns
	}
	ran, hidden := map[int]int{}, 0
	for set := range sets {
		policy := mustPolicy(t, guide()) // which copies its rules for each route
		d := dispatcher{rand.New(rand.NewPCG(uint64(set), 13))}
		theirs, guarded, mux := http.NewServeMux(), http.NewServeMux(), authz.NewMux(policy)
		var s spot
		var patterns, all []string
		rules := map[string]authz.Rule{}
		for range 2 + d.IntN(12) {
			pattern := d.pattern(true)
			if !registers(guarded, pattern, s.handler(pattern)) {
				continue
			}
			all, rules[pattern] = append(all, pattern), authz.Public("test")
			if strings.Contains(pattern, " ") {
				patterns = append(patterns, pattern)
				theirs.Handle(pattern, s.handler(pattern))
				mux.Handle(pattern, authz.Public("test"), s.handler(pattern))
			}
		}
		if len(patterns) == 0 {
			continue
		}
		guard, err := authz.Guard(guarded, policy, rules)
		if err != nil {
			// No path reaches a pattern that others cover together, such as "/" beside
			// "/{$}" and "/{x}/", and so Guard does not find it.
			if hidden++; !strings.Contains(err.Error(), "is not registered with the ServeMux") || hidden > sets/20 {
				t.Fatalf("set %d %q: %v", set, all, err)
			}
			continue
		}
		for n := range 200 {
			method := pick(d, "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE", "FOO")
			host, path := d.target(all)
			for _, side := range []struct {
				name         string
				theirs, ours http.Handler
			}{{"Mux", theirs, mux}, {"Guard", guarded, guard}} {
				if side.name == "Guard" && n%4 != 0 {
					continue
				}
				want := s.wanted(side.theirs, method, host, path)
				ran[want.status]++
				if got := s.serve(side.ours, method, host, path); got != want {
					t.Fatalf("set %d, %s %s %s%s with %q: %+v, want %+v", set, side.name, method, host, path, all, got, want)
				}
				if n%2 != 0 {
					continue
				}
				unclean := d.spoil(path)
				if got := s.serve(side.ours, method, host, unclean); got.pattern != "" || got.status != 400 && got.status != 404 && got.status != 405 {
					t.Fatalf("set %d, %s %s %s%s with %q: %+v", set, side.name, method, host, unclean, all, got)
				}
			}
		}
	}
	for _, status := range []int{200, 404, 405} {
		if ran[status] < 20*sets {
			t.Errorf("only %d answers with %d: the requests are not what they should be", ran[status], status)
		}
	}
	t.Logf("answers by status: %v", ran)
}

// registers reports whether the ServeMux takes the pattern.
func registers(mux *http.ServeMux, pattern string, h http.Handler) (ok bool) {
	defer func() { ok = recover() == nil }()
	mux.Handle(pattern, h)
	return true
}
