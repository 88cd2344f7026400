package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/headers/transport"
)

// A service is what one router makes of the core.
type service struct {
	open    func(*core) http.Handler
	noRoute string // the code of the answer to an unknown route
	routes  routes
}

// routes are the patterns as the router spells them.
type routes struct{ health, document, create, admin, vault, batch, unknown string }

const (
	noCredentials = `Bearer realm="documents"`
	badToken      = `Bearer realm="documents", error="invalid_token"`
)

// An exchange is one request and all that must come of it.
type exchange struct {
	name          string
	authorization string // where it is not that of the caller
	method, path  string
	body          string
	header        map[string]string // further fields

	status    int
	code      string // of the problem; empty where there is none
	faults    string // of the body: pointers and codes
	answer    string // a part of the body of the answer
	challenge string
	refused   refusal // name and rule, and the reason where it is not the code
	route     string  // empty where a layer outside the router answers
	caller    string  // whom records and layers outside name
	sender    string  // whom records name where a part is refused before it has a caller
	unread    bool    // the page must not be able to read the answer
}

// A refusal is what is asserted of an event.
type refusal struct {
	name               bulwark.EventName
	status             int
	reason, rule       string
	method, path       string
	route              string
	client             string
	issuer, user       string
	assumed, assumedBy string
}

// try opens the service, asserts all that is asserted of the six, and closes
// it.
func try(t *testing.T, s service) {
	c := newCore(t)
	x := open(t, c, s)
	rs := s.routes

	for _, e := range []exchange{
		{name: "public", method: "GET", path: "/health", status: 200, route: rs.health},
		{name: "own-object", caller: "alice", method: "GET", path: "/documents/1", status: 200, route: rs.document},
		{name: "any-object-of-an-admin", caller: "ann", method: "GET", path: "/documents/1", status: 200, route: rs.document},
		{name: "admin", caller: "ann", method: "GET", path: "/admin", status: 200, route: rs.admin},
		{name: "create", caller: "bob", method: "POST", path: "/documents", body: `{"title":"<b>Draft</b>"}`, status: 201, answer: `"title":"Draft"`, route: rs.create},
		{name: "own-new-object", caller: "bob", method: "GET", path: "/documents/2", status: 200, answer: `"title":"Draft"`, route: rs.document},

		{name: "object-without-credentials", method: "GET", path: "/documents/1", status: 401, code: "authz.unauthenticated",
			challenge: noCredentials, refused: refusal{name: bulwark.AuthzFail, rule: "object document:read"}, route: rs.document},
		{name: "rule-without-credentials", method: "GET", path: "/admin", status: 401, code: "authz.unauthenticated",
			challenge: noCredentials, refused: refusal{name: bulwark.AuthzFail, rule: "role admin"}, route: rs.admin},
		{name: "body-without-credentials", method: "POST", path: "/documents", body: `{"title":`, status: 401, code: "authz.unauthenticated",
			challenge: noCredentials, refused: refusal{name: bulwark.AuthzFail, rule: "permission document:create:own"}, route: rs.create},
		{name: "expired-token", authorization: "Bearer " + c.issuer.Token(authtest.Claims{"exp": time.Now().Add(-time.Hour).Unix()}),
			method: "GET", path: "/health", status: 401, code: "auth.invalid_token", challenge: badToken,
			refused: refusal{name: bulwark.AuthnTokenInvalid, reason: "expired"}},

		{name: "object-of-a-stranger", caller: "bob", method: "GET", path: "/documents/1", status: 404, code: "authz.not_found",
			refused: refusal{name: bulwark.AuthzFail, reason: "authz.not_readable", rule: "object document:read"}, route: rs.document},
		{name: "missing-object", caller: "bob", method: "GET", path: "/documents/99", status: 404, code: "authz.not_found",
			refused: refusal{name: bulwark.AuthzFail, rule: "object document:read"}, route: rs.document},
		{name: "no-permission-on-any-object", caller: "gus", method: "GET", path: "/documents/1", status: 403, code: "authz.forbidden",
			refused: refusal{name: bulwark.AuthzFail, rule: "object document:read"}, route: rs.document},
		{name: "no-permission", caller: "gus", method: "POST", path: "/documents", body: `{"title":"x"}`, status: 403, code: "authz.forbidden",
			refused: refusal{name: bulwark.AuthzFail, rule: "permission document:create:own"}, route: rs.create},
		{name: "no-role", caller: "alice", method: "GET", path: "/admin", status: 403, code: "authz.forbidden",
			refused: refusal{name: bulwark.AuthzFail, rule: "role admin"}, route: rs.admin},

		{name: "bad-body", caller: "alice", method: "POST", path: "/documents", body: `{"title":"","owner":"bob"}`, status: 422, code: "validate.invalid",
			faults:  "/owner unknown, /title min_length",
			refused: refusal{name: bulwark.InputValidationFail}, route: rs.create},
		{name: "empty-when-clean", caller: "alice", method: "POST", path: "/documents", body: `{"title":"<b></b>"}`, status: 422, code: "validate.invalid",
			faults:  "/title min_length",
			refused: refusal{name: bulwark.InputValidationFail}, route: rs.create},
		{name: "bad-json", caller: "alice", method: "POST", path: "/documents", body: `{"title":`, status: 400, code: "body.malformed",
			refused: refusal{name: bulwark.InputValidationFail}, route: rs.create},

		{name: "unknown-route", caller: "alice", method: "GET", path: "/secrets", status: 404, code: s.noRoute,
			refused: refusal{name: bulwark.InputValidationFail}, route: rs.unknown},
		{name: "preflight", method: "OPTIONS", path: "/documents", header: map[string]string{
			"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}, status: 204},
		{name: "preflight-of-another-page", method: "OPTIONS", path: "/documents", header: map[string]string{
			"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}, status: 403, code: "cors.origin",
			refused: refusal{name: bulwark.MaliciousCORS}, unread: true},
	} {
		t.Run(e.name, func(t *testing.T) { x.try(t, e) })
	}

	t.Run("handwritten-403", func(t *testing.T) { x.tryVault(t, rs) })
	t.Run("limit-of-a-caller", func(t *testing.T) { x.tryCallerLimit(t, rs) })
	t.Run("limit-of-an-address", func(t *testing.T) { x.tryAddressLimit(t, rs) })
	t.Run("batch", func(t *testing.T) { x.tryBatch(t, s, false) })
	t.Run("parallel-batch", func(t *testing.T) { x.tryBatch(t, s, true) })
	t.Run("shutdown", x.tryShutdown)
}

// A trial is a service that runs, and what has been asked of it.
type trial struct {
	core    *core
	address string
	stop    func() error
	client  *http.Client

	clients  int      // so far; each exchange has an address of its own
	requests []access // so far, with the parts of batches
	events   int      // so far
}

// open serves the service as its users do.
func open(t *testing.T, c *core, s service) *trial {
	t.Helper()
	c.handler = c.stack.Wrap(s.open(c))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- transport.Serve(ctx, listener, transport.Server(c.handler), append(slices.Clone(c.closers), c.stack)...)
	}()
	x := &trial{core: c, address: listener.Addr().String(), client: &http.Client{Transport: &http.Transport{}}}
	stopped := false
	x.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		x.client.CloseIdleConnections()
		cancel()
		return <-done
	}
	t.Cleanup(func() { x.stop() })
	return x
}

// newClient returns the address of a client that has not called before.
func (x *trial) newClient() string {
	x.clients++
	return "198.51.100." + strconv.Itoa(x.clients)
}

// authorization is the credential of an exchange, and empty where it has none.
func (x *trial) authorization(e exchange) string {
	return cmp.Or(e.authorization, x.core.bearer(e.caller))
}

// send makes the request of e from the address and returns the answer.
func (x *trial) send(t *testing.T, e exchange, from string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest(e.method, "http://"+x.address+e.path, strings.NewReader(e.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("X-Forwarded-For", from)
	r.Header.Set("Origin", page)
	if authorization := x.authorization(e); authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if e.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range e.header {
		r.Header.Set(name, value)
	}
	answer, err := x.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, body
}

// try sends one request and asserts all that comes of it.
func (x *trial) try(t *testing.T, e exchange) {
	t.Helper()
	x.tryFrom(t, e, x.newClient())
}

func (x *trial) tryFrom(t *testing.T, e exchange, from string) []byte {
	t.Helper()
	answer, body := x.send(t, e, from)
	x.assertAnswer(t, e, answer, body)
	var want []refusal
	if e.refused.name != "" {
		want = append(want, x.refusal(e, from))
	}
	x.assertEvents(t, want)
	x.assertCalls(t, e)
	return body
}

// refusal is the whole event of an exchange that is refused.
func (x *trial) refusal(e exchange, from string) refusal {
	event := e.refused
	event.status, event.method, event.path, event.route, event.client = e.status, e.method, e.path, e.route, from
	if event.reason == "" {
		event.reason = e.code
	}
	if event.user = cmp.Or(e.caller, e.sender); event.user != "" {
		event.issuer = x.core.issuer.URL()
	}
	return event
}

// call is what a layer outside auth learns of an exchange.
func (x *trial) call(e exchange) call {
	noted := call{path: e.path}
	if e.caller != "" {
		noted.issuer, noted.subject = x.core.issuer.URL(), e.caller
	}
	return noted
}

func (x *trial) assertAnswer(t *testing.T, e exchange, answer *http.Response, body []byte) {
	t.Helper()
	if answer.StatusCode != e.status {
		t.Errorf("status %d, want %d; body %s", answer.StatusCode, e.status, body)
	}
	if got := answer.Header.Get("WWW-Authenticate"); got != e.challenge {
		t.Errorf("WWW-Authenticate %q, want %q", got, e.challenge)
	}
	readable := page
	if e.unread {
		readable = ""
	}
	if got := answer.Header.Get("Access-Control-Allow-Origin"); got != readable {
		t.Errorf("Access-Control-Allow-Origin %q, want %q", got, readable)
	}
	if got := answer.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("X-Content-Type-Options %q, want nosniff", got)
	}
	if got := answer.Header.Get("Retry-After"); (got != "") != (e.status == http.StatusTooManyRequests) {
		t.Errorf("Retry-After %q with status %d", got, e.status)
	}
	if !bytes.Contains(body, []byte(e.answer)) {
		t.Errorf("%s is not in %s", e.answer, body)
	}
	if e.code == "" {
		return
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", got)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q, want that of a problem", got)
	}
	var problem struct {
		Status int    `json:"status"`
		Code   string `json:"code"`
		Errors []bulwark.FieldError
	}
	if err := json.Unmarshal(body, &problem); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if problem.Code != e.code || problem.Status != e.status {
		t.Errorf("problem %d %q, want %d %q", problem.Status, problem.Code, e.status, e.code)
	}
	var faults []string
	for _, fault := range problem.Errors {
		faults = append(faults, fault.Pointer+" "+fault.Code)
	}
	if got := strings.Join(faults, ", "); got != e.faults {
		t.Errorf("faults %q, want %q", got, e.faults)
	}
}

// assertEvents asserts that there is each of the events and no other since it
// was last asked. The order is open: parts of a batch run beside each other.
func (x *trial) assertEvents(t *testing.T, want []refusal) {
	t.Helper()
	events := x.core.events.Take()
	x.events += len(events)
	left := slices.Clone(want)
	for _, e := range events {
		got := refusal{name: e.Name, status: e.Status, reason: e.Reason, rule: e.Rule, method: e.Method, path: e.Path, route: e.Route,
			client: e.ClientIP.String(), issuer: e.Issuer, user: e.UserID, assumed: e.AssumedID, assumedBy: e.AssumedIssuer}
		if i := slices.Index(left, got); i >= 0 {
			left = slices.Delete(left, i, i+1)
			continue
		}
		t.Errorf("an event too many:\n%+v", got)
	}
	for _, e := range left {
		t.Errorf("no event:\n%+v", e)
	}
}

// assertCalls asserts what the layer outside auth has seen of the exchanges,
// and keeps them for the access log.
func (x *trial) assertCalls(t *testing.T, exchanges ...exchange) {
	t.Helper()
	var want []call
	for _, e := range exchanges {
		want = append(want, x.call(e))
		x.requests = append(x.requests, access{e.method, e.path, e.route, e.status, cmp.Or(e.caller, e.sender)})
	}
	got := x.core.seen.take()
	order := func(a, b call) int { return strings.Compare(a.path+a.subject, b.path+b.subject) }
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if !slices.Equal(got, want) {
		t.Errorf("the layer outside auth saw %+v, want %+v", got, want)
	}
}

// tryVault asserts that a 403 which a handler writes without this module is one
// event, and that a layer of the route has seen its status: the third is 429.
func (x *trial) tryVault(t *testing.T, rs routes) {
	e := exchange{caller: "alice", method: "GET", path: "/vault", status: 403,
		refused: refusal{name: bulwark.AuthzFail, reason: "audit.unreported"}, route: rs.vault}
	x.try(t, e)
	x.try(t, e)
	e.status, e.code = 429, "ratelimit.exceeded"
	e.refused = refusal{name: bulwark.ExcessRateLimitExceeded, rule: "vault"}
	x.try(t, e)
	e.caller = "bob"
	e.status, e.code = 403, ""
	e.refused = refusal{name: bulwark.AuthzFail, reason: "audit.unreported"}
	x.try(t, e)
}

// tryCallerLimit uses up the quota of a caller, from many addresses. The limit
// stands outside the router, so that there is no route yet.
func (x *trial) tryCallerLimit(t *testing.T, rs routes) {
	e := exchange{caller: "sly", method: "GET", path: "/health", status: 200, route: rs.health}
	for range 3 {
		x.try(t, e)
	}
	e.status, e.code, e.route = 429, "ratelimit.exceeded", ""
	e.refused = refusal{name: bulwark.ExcessRateLimitExceeded, rule: "caller"}
	x.try(t, e)
}

// tryAddressLimit uses up the quota of an address. The limit stands outside
// auth, so that there is no caller yet.
func (x *trial) tryAddressLimit(t *testing.T, rs routes) {
	from := x.newClient()
	e := exchange{method: "GET", path: "/health", status: 200, route: rs.health}
	for range 30 {
		x.tryFrom(t, e, from)
	}
	e.authorization = x.core.bearer("alice")
	e.status, e.code, e.route = 429, "ratelimit.exceeded", ""
	e.refused = refusal{name: bulwark.ExcessRateLimitExceeded, rule: "address"}
	x.tryFrom(t, e, from)
}

// tryBatch sends one batch of alice's with parts of others, and asserts that
// each part is its own caller's, and the batch alice's before, beside and after
// them.
func (x *trial) tryBatch(t *testing.T, s service, parallel bool) {
	c, rs := x.core, s.routes
	parts := []exchange{
		{method: "GET", path: "/documents/1", caller: "bob", status: 404, code: "authz.not_found",
			refused: refusal{name: bulwark.AuthzFail, reason: "authz.not_readable", rule: "object document:read"}, route: rs.document},
		{method: "GET", path: "/documents/1", status: 401, code: "authz.unauthenticated", challenge: noCredentials,
			refused: refusal{name: bulwark.AuthzFail, rule: "object document:read"}, route: rs.document},
		{method: "GET", path: "/documents/1", caller: "alice", status: 200, route: rs.document},
		{method: "GET", path: "/admin", caller: "ann", status: 200, route: rs.admin},
		{method: "GET", path: "/admin", caller: "gus", status: 403, code: "authz.forbidden",
			refused: refusal{name: bulwark.AuthzFail, rule: "role admin"}, route: rs.admin},
		{method: "GET", path: "/admin", caller: "bob", status: 403, code: "authz.forbidden",
			refused: refusal{name: bulwark.AuthzFail, rule: "role admin"}, route: rs.admin},
		{method: "POST", path: "/documents", body: `{"title":"of the batch"}`, caller: "bob", status: 201, route: rs.create},
		{method: "POST", path: "/documents", body: `{"parts":[]}`, caller: "alice", status: 422, code: "validate.invalid",
			refused: refusal{name: bulwark.InputValidationFail}, route: rs.create},
		{method: "POST", path: "/documents", body: `{"title"`, caller: "ann", status: 400, code: "body.malformed",
			refused: refusal{name: bulwark.InputValidationFail}, route: rs.create},
		{method: "GET", path: "/vault", caller: "gus", status: 403,
			refused: refusal{name: bulwark.AuthzFail, reason: "audit.unreported"}, route: rs.vault},
		{method: "GET", path: "/secrets", caller: "gus", status: 404, code: s.noRoute,
			refused: refusal{name: bulwark.InputValidationFail}, route: rs.unknown},
		{method: "GET", path: "/health", authorization: "Bearer " + c.issuer.Token(authtest.Claims{"exp": time.Now().Add(-time.Hour).Unix()}),
			status: 401, code: "auth.invalid_token", challenge: badToken,
			refused: refusal{name: bulwark.AuthnTokenInvalid, reason: "expired"}, sender: "alice"},
	}
	from := x.newClient()
	whole := exchange{method: "POST", path: "/batch", caller: "alice", status: 200, route: rs.batch}
	asked := batch{Parallel: parallel}
	var events []refusal
	for _, p := range parts {
		asked.Parts = append(asked.Parts, part{Method: p.method, Path: p.path, Body: p.body, Authorization: x.authorization(p)})
		if p.refused.name != "" {
			events = append(events, x.refusal(p, from))
		}
	}
	text, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	whole.body = string(text)

	answer, body := x.send(t, whole, from)
	x.assertAnswer(t, whole, answer, body)
	x.assertEvents(t, events)
	x.assertCalls(t, append(parts, whole)...)
	var got batchAnswer
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if got.Before != "alice" || got.After != "alice" {
		t.Errorf("the batch was %q's before its parts and %q's after them, want alice's", got.Before, got.After)
	}
	if len(got.Parts) != len(parts) {
		t.Fatalf("%d answers to %d parts", len(got.Parts), len(parts))
	}
	for i, p := range parts {
		want := partAnswer{Status: p.status, Code: p.code, Challenge: p.challenge, Beside: "alice"}
		if got.Parts[i] != want {
			t.Errorf("part %d, %s %s of %q: %+v, want %+v", i, p.method, p.path, p.caller, got.Parts[i], want)
		}
	}
}

// An access is what is asserted of an access record.
type access struct {
	Method, Path, Route string
	Status              int
	UserID              string
}

// tryShutdown stops the server, its routes and its stack, and asserts that each
// event and each request is in the log then, the requests with their callers.
func (x *trial) tryShutdown(t *testing.T) {
	if err := x.stop(); err != nil {
		t.Fatal(err)
	}
	if err := x.core.stack.Shutdown(context.Background()); err != nil {
		t.Errorf("a second Shutdown: %v", err)
	}
	left := slices.Clone(x.requests)
	events := 0
	for line := range bytes.Lines(x.core.log.Bytes()) {
		var record struct {
			Type string
			access
		}
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		switch record.Type {
		case "security":
			events++
		case "access":
			if i := slices.Index(left, record.access); i >= 0 {
				left = slices.Delete(left, i, i+1)
				continue
			}
			t.Errorf("an access record too many: %+v", record.access)
		}
	}
	for _, e := range left {
		t.Errorf("no access record: %+v", e)
	}
	if events != x.events || events == 0 {
		t.Errorf("the log has %d events, want %d", events, x.events)
	}
}
