package conformance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/sanitize"
)

// A place is where in a request a payload stands.
type place string

const (
	inBody  place = "body"
	inForm  place = "form"
	inQuery place = "query"
	inPath  place = "path"
)

var places = []place{inBody, inForm, inQuery, inPath}

// bracketed is the name of a member of a member, as forms write it.
var bracketed = regexp.MustCompile(`^([A-Za-z0-9_.-]+)((?:\[[^\[\]]+\])+)$`)

// request puts a payload into a place. Every string arrives as it is: the
// handler reads exactly the payload. It returns nil if no client can send the
// payload there.
func (p payload) request(at place) *http.Request {
	const target = "/files"
	switch at {
	case inBody:
		var list []any
		for _, s := range p.pairs {
			if !utf8.ValidString(s.name) || !utf8.ValidString(s.value) {
				return nil
			}
			list = append(list, member(s))
		}
		r := httptest.NewRequest("POST", target, bytes.NewReader(asJSON(list)))
		r.Header.Set("Content-Type", "application/json")
		return r
	case inForm:
		r := httptest.NewRequest("POST", target, strings.NewReader(p.encoded()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	case inQuery:
		return httptest.NewRequest("GET", target+"?"+p.encoded(), nil)
	}
	if p.corpus == "ordinary messages" { // nobody writes a message into a path
		return nil
	}
	path := target
	for _, s := range p.pairs {
		if !plain.MatchString(s.name) && bracketed.FindString(s.name) == "" {
			path += "/" + url.PathEscape(s.name)
		}
		if s.value == "" {
			continue
		}
		if s.value == "." || s.value == ".." { // a client removes them
			return nil
		}
		path += "/" + url.PathEscape(s.value)
	}
	if path == target {
		return nil
	}
	return httptest.NewRequest("GET", path, nil)
}

// encoded is the payload as a query or form.
func (p payload) encoded() string {
	var out []string
	for _, s := range p.pairs {
		out = append(out, url.QueryEscape(s.name)+"="+url.QueryEscape(s.value))
	}
	return strings.Join(out, "&")
}

// member is a pair as an object: x[y] is the member y of the member x.
func member(s pair) map[string]any {
	if found := bracketed.FindStringSubmatch(s.name); found != nil {
		var value any = s.value
		names := strings.Split(strings.Trim(found[2], "[]"), "][")
		for _, name := range slices.Backward(names) {
			value = map[string]any{name: value}
		}
		return map[string]any{found[1]: value}
	}
	if strings.HasPrefix(s.name, "$") || plain.MatchString(s.name) {
		return map[string]any{s.name: s.value}
	}
	return map[string]any{"name": s.name, "value": s.value}
}

func asJSON(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// A watcher is two services with a layer that looks for payloads. The first
// reports, and the second refuses.
type watcher struct {
	report, reject http.Handler
	events         bulwarktest.Recorder
	ran            bool
}

func newWatcher(t testing.TB) *watcher {
	t.Helper()
	w := &watcher{}
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w.ran = true
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Errorf("the handler cannot read the body: %v", err)
		}
	})
	for _, service := range []struct {
		mode sanitize.Detect
		into *http.Handler
	}{{sanitize.DetectReport, &w.report}, {sanitize.DetectReject, &w.reject}} {
		layer, err := sanitize.New(sanitize.Config{Detect: service.mode})
		if err != nil {
			t.Fatal(err)
		}
		*service.into = w.events.Wrap(layer.Wrap(handler))
	}
	return w
}

// A sight is what became of a payload in one place.
type sight struct {
	sent  bool
	rules []string // that found it
}

// send sends a payload to both services, and compares them: what the one
// reports, the other refuses.
func (w *watcher) send(t testing.TB, p payload, at place) sight {
	t.Helper()
	r := p.request(at)
	if r == nil {
		return sight{}
	}
	rules := w.run(t, w.report, r, p, "reported")
	if !w.ran {
		t.Errorf("%s in %s does not reach the handler of the service that only reports", p.name, at)
	}
	refused := w.run(t, w.reject, p.request(at), p, "rejected")
	if (len(rules) == 0) != w.ran {
		t.Errorf("%s in %s is found by %q, and the handler of the service that refuses ran: %v", p.name, at, rules, w.ran)
	}
	if len(rules) > 0 && len(refused) == 0 {
		t.Errorf("%s in %s is found by %q and then by nothing", p.name, at, rules)
	}
	return sight{sent: true, rules: rules}
}

// run sends a request and returns the rules of its events.
func (w *watcher) run(t testing.TB, service http.Handler, r *http.Request, p payload, action string) (rules []string) {
	t.Helper()
	w.ran = false
	w.events.Take()
	answer := httptest.NewRecorder()
	service.ServeHTTP(answer, r)
	for _, e := range w.events.Take() {
		if e.Reason != "sanitize.suspicious" || e.Level != slog.LevelWarn {
			t.Errorf("%s: another event: %+v", p.name, e)
			continue
		}
		if want := eventFor(e.Rule); e.Name != want {
			t.Errorf("%s: the event of rule %s is %s, want %s", p.name, e.Rule, e.Name, want)
		}
		if got := attribute(e, "action"); got != action {
			t.Errorf("%s: the action is %q, want %q", p.name, got, action)
		}
		rules = append(rules, e.Rule)
	}
	want := http.StatusOK
	if action == "rejected" && len(rules) > 0 {
		want = http.StatusBadRequest
	}
	if answer.Code != want {
		t.Errorf("%s: the status is %d, want %d: %s", p.name, answer.Code, want, answer.Body)
	}
	if action == "rejected" {
		for _, s := range p.pairs {
			if len(s.value) > 24 && strings.Contains(answer.Body.String(), s.value) {
				t.Errorf("%s: the answer repeats the payload: %s", p.name, answer.Body)
			}
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

func eventFor(rule string) bulwark.EventName {
	if rule == "sqli" {
		return bulwark.MaliciousSQLi
	}
	return bulwark.MaliciousExtraneous
}

func attribute(e bulwark.Event, key string) string {
	for _, a := range e.Attrs {
		if a.Key == key {
			return fmt.Sprint(a.Value.Any())
		}
	}
	return ""
}
