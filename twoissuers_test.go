package bulwark_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// An owned document belongs to a subject of an issuer.
type owned struct {
	ID      string `authz:"read=*"`
	Issuer  string `authz:"read=*"`
	Subject string `authz:"read=*"`
	Text    string `authz:"read=*,write=own"`
	Note    string `authz:"read=own,write=own"`
}

// A shelf is a service whose callers come from two issuers. It is what stands
// behind the chain of TestTwoIssuers.
type shelf struct {
	mu          sync.Mutex
	documents   map[string]owned
	handler     http.Handler
	revocations auth.MemoryRevocations
	events      bulwarktest.Recorder
}

func (s *shelf) load(_ context.Context, r *http.Request) (*owned, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.documents[r.PathValue("id")]
	if !ok {
		return nil, authz.ErrNotFound
	}
	return &d, nil
}

// newShelf builds the chain: authentication, a limit of twelve requests for each
// caller, and routes for documents.
func newShelf(t *testing.T, issuers ...*authtest.Issuer) *shelf {
	t.Helper()
	s := &shelf{documents: map[string]owned{}}
	accept := auth.Config{}
	for _, issuer := range issuers {
		c := issuer.Config()
		c.Revocations = &s.revocations
		c.RolesClaims = []string{"roles"}
		accept.Authenticators = append(accept.Authenticators, bulwark.Must(jwt.New(c)))
	}
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "update", "delete"}},
		Roles:     authz.Roles{"user": {Grants: []string{"document:*:own"}}, "auditor": {Grants: []string{"document:read:all"}}},
	}))
	if err := authz.Fields[owned](policy); err != nil {
		t.Fatal(err)
	}
	documents := authz.Resource[*owned]{Name: "document", Load: s.load,
		Owner: func(d *owned) (issuer, subject string) { return d.Issuer, d.Subject }}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /documents/{id}", documents.Can("read"), func(w http.ResponseWriter, _ *http.Request, d authz.Granted[*owned]) {
		io.WriteString(w, d.Value().Text)
	})
	authz.HandleObject(mux, "GET /fields/{id}", documents.Can("read"), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*owned]) {
		authz.Write(w, r, d)
	})
	authz.HandleObject(mux, "PUT /documents/{id}", documents.Can("update"), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*owned]) {
		s.write(w, r, d, "update", func(d owned) { s.documents[d.ID] = d })
	})
	authz.HandleObject(mux, "DELETE /documents/{id}", documents.Can("delete"), func(w http.ResponseWriter, r *http.Request, d authz.Granted[*owned]) {
		s.write(w, r, d, "delete", func(d owned) { delete(s.documents, d.ID) })
	})
	authz.HandleList(mux, "GET /documents", documents.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		var items []*owned
		for _, id := range []string{"first", "second"} {
			// As a query does, by the words of the Reach.
			if d := s.documents[id]; reach.All || d.Issuer == reach.Match["issuer"] && d.Subject == reach.Match["subject"] {
				items = append(items, &d)
			}
		}
		authz.WriteList(w, r, reach, items)
	})
	authz.HandleList(mux, "GET /careless", documents.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		first, second := s.documents["first"], s.documents["second"]
		authz.WriteList(w, r, reach, []*owned{&first, &second}) // forgets the Reach
	})
	stack, err := bulwark.Chain(accept, ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "12/hour"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Shutdown(context.Background()) })
	s.handler = s.events.Wrap(stack.Wrap(mux))
	return s
}

func (s *shelf) write(w http.ResponseWriter, r *http.Request, granted authz.Granted[*owned], action string, change func(owned)) {
	d, err := granted.For(r.Context(), action)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text, _ := io.ReadAll(io.LimitReader(r.Body, 100))
	change(owned{d.ID, d.Issuer, d.Subject, string(text), d.Note})
	w.WriteHeader(http.StatusNoContent)
}

func (s *shelf) send(token, method, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader("changed"))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// Two issuers have a subject alice each. The two are strangers: neither has the
// other's documents, fields of its owner, limit or revocation.
func TestTwoIssuers(t *testing.T) {
	first, second := authtest.NewIssuer(t), authtest.NewIssuer(t)
	s := newShelf(t, first, second)
	s.documents["first"] = owned{"first", first.URL(), "alice", "the first alice's", "a private note"}
	s.documents["second"] = owned{"second", second.URL(), "alice", "the second alice's", ""}
	claims := authtest.Claims{"sub": "alice", "roles": []string{"user"}}
	a, b := first.Token(claims), second.Token(claims)

	missing := s.send(a, "GET", "/documents/none")
	s.events.Take()
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		w := s.send(a, method, "/documents/second")
		if w.Code != http.StatusNotFound || w.Code != missing.Code || !strings.Contains(w.Body.String(), `"code":"authz.not_found"`) {
			t.Errorf("%s of the other alice's document: %d %s", method, w.Code, w.Body)
		}
		if events := s.events.Take(); !slices.ContainsFunc(events, func(e bulwark.Event) bool { return e.Name == bulwark.AuthzFail && e.Status == http.StatusNotFound }) {
			t.Errorf("%s of the other alice's document is not reported: %v", method, events)
		}
		if got := s.documents["second"].Text; got != "the second alice's" {
			t.Errorf("%s changes the other alice's document to %q", method, got)
		}
	}
	if w := s.send(a, "GET", "/documents/first"); w.Code != http.StatusOK || w.Body.String() != "the first alice's" {
		t.Errorf("the own document: %d %s", w.Code, w.Body)
	}
	if w := s.send(a, "GET", "/documents"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "first alice") || strings.Contains(w.Body.String(), "second alice") {
		t.Errorf("the list: %d %s", w.Code, w.Body)
	}
	if w := s.send(a, "GET", "/careless"); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "alice") {
		t.Errorf("the list of a handler that forgets the Reach: %d %s", w.Code, w.Body)
	}

	for caller, test := range map[string]struct {
		token string
		sees  bool
	}{
		"the owner":                   {a, true},
		"the other alice, an auditor": {second.Token(authtest.Claims{"sub": "alice", "roles": []string{"auditor"}}), false},
	} {
		w := s.send(test.token, "GET", "/fields/first")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "the first alice") || strings.Contains(w.Body.String(), "private note") != test.sees {
			t.Errorf("the fields that %s sees: %d %s", caller, w.Code, w.Body)
		}
	}

	for i := 8; i < 12; i++ {
		if w := s.send(a, "GET", "/documents/first"); w.Code != http.StatusOK {
			t.Fatalf("request %d: %d", i+1, w.Code)
		}
	}
	if w := s.send(a, "GET", "/documents/first"); w.Code != http.StatusTooManyRequests {
		t.Errorf("the first alice's limit: %d", w.Code)
	}
	if w := s.send(b, "GET", "/documents/second"); w.Code != http.StatusOK {
		t.Errorf("the second alice, when the first has used up the limit: %d", w.Code)
	}

	err := auth.Revoke(t.Context(), &s.revocations, auth.Revocation{Issuer: first.URL(), Subject: "alice", IssuedUntil: time.Now(), Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if w := s.send(a, "GET", "/documents/first"); w.Code != http.StatusUnauthorized {
		t.Errorf("the first alice after the revocation: %d %s", w.Code, w.Body)
	}
	if w := s.send(b, "DELETE", "/documents/second"); w.Code != http.StatusNoContent {
		t.Errorf("the second alice after the revocation of the first: %d %s", w.Code, w.Body)
	}
	if _, left := s.documents["second"]; left || s.documents["first"].Text == "" {
		t.Error("the wrong document was deleted")
	}
}
