package recipes

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A Ticket belongs to a project, and its author owns it.
type Ticket struct {
	ID           string   `json:"id" authz:"read=*"`
	Title        string   `json:"title" authz:"read=*,write=own|project"`
	Estimate     int      `json:"estimate" authz:"read=project,write=project"`
	Project      string   `json:"-"`
	OwnerIssuer  string   `json:"-"`
	OwnerSubject string   `json:"-"`
	Members      []string `json:"-"` // of the project: the Key of each Principal
}

func ticketPolicy() (*authz.Policy, error) {
	policy, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"ticket": {"create", "read"}},
		Reaches:   []string{"project"},
		Roles: authz.Roles{
			"user": {Grants: []string{"ticket:read:own", "ticket:read:project", "ticket:create:project"}},
		},
	})
	if err != nil {
		return nil, err
	}
	return policy, authz.Fields[Ticket](policy)
}

// A tracker keeps tickets, and who is a member of which project.
type tracker struct {
	tickets map[string]Ticket
	members map[string][]string
}

// load brings the members along, as a join does.
func (k *tracker) load(_ context.Context, r *http.Request) (*Ticket, error) {
	t, ok := k.tickets[r.PathValue("id")]
	if !ok {
		return nil, authz.ErrNotFound
	}
	t.Members = k.members[t.Project]
	return &t, nil
}

func (k *tracker) resource() authz.Resource[*Ticket] {
	tickets := authz.Resource[*Ticket]{
		Name:  "ticket",
		Load:  k.load, // with the members of the project
		Owner: func(t *Ticket) (issuer, subject string) { return t.OwnerIssuer, t.OwnerSubject },
		Reaches: map[string]func(*bulwark.Principal, *Ticket) bool{
			"project": func(caller *bulwark.Principal, t *Ticket) bool {
				return slices.Contains(t.Members, caller.Key())
			},
		},
		Match: map[string]func(*bulwark.Principal) string{
			"project": func(caller *bulwark.Principal) string { return caller.Key() },
		},
	}
	return tickets
}

func (k *tracker) service(policy *authz.Policy) *authz.Mux {
	tickets := k.resource()
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /tickets/{id}", tickets.Can("read"), getTicket)
	authz.HandleList(mux, "GET /tickets", tickets.Can("read"), k.listTickets)
	authz.HandleCreate(mux, "POST /projects/{project}/tickets", tickets.Can("create"), k.createTicket)
	return mux
}

func getTicket(w http.ResponseWriter, r *http.Request, t authz.Granted[*Ticket]) {
	authz.Write(w, r, t)
}

func (k *tracker) listTickets(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
	var found []*Ticket
	for _, id := range slices.Sorted(maps.Keys(k.tickets)) {
		t := k.tickets[id]
		t.Members = k.members[t.Project] // the check of WriteList needs them too
		own := t.OwnerIssuer == reach.Match["issuer"] && t.OwnerSubject == reach.Match["subject"]
		if reach.All || own || slices.Contains(t.Members, reach.Match["project"]) {
			found = append(found, &t)
		}
	}
	authz.WriteList(w, r, reach, found)
}

func (k *tracker) createTicket(w http.ResponseWriter, r *http.Request, check func(*Ticket) (authz.Granted[*Ticket], error)) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	project := r.PathValue("project")
	g, err := check(&Ticket{
		ID: rand.Text(), Project: project, Members: k.members[project],
		OwnerIssuer: caller.Issuer, OwnerSubject: caller.Subject,
	})
	if err == nil {
		g, err = authz.Decode(w, r, g)
	}
	if err == nil {
		err = k.add(r.Context(), g)
	}
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	authz.Write(w, r, g)
}

func (k *tracker) add(ctx context.Context, g authz.Granted[*Ticket]) error {
	t, err := g.For(ctx, "create")
	if err != nil {
		return err
	}
	k.tickets[t.ID] = *t
	return nil
}

func newTracker() *tracker {
	return &tracker{
		tickets: map[string]Ticket{
			"1": {ID: "1", Title: "Launch", Estimate: 3, Project: "apollo", OwnerIssuer: "test", OwnerSubject: "alice"},
			"2": {ID: "2", Title: "Dock", Estimate: 5, Project: "gemini", OwnerIssuer: "test", OwnerSubject: "carol"},
		},
		members: map[string][]string{"apollo": {personAs("bob", "user").Key()}},
	}
}

// A reach of the application decides about objects, lists, creates and fields.
func TestTheReachOfAProject(t *testing.T) {
	elsewhere := personAs("bob", "user")
	elsewhere.Issuer = "other"
	for _, test := range []struct {
		name           string
		who            *bulwark.Principal
		method, target string
		body           string
		status         int
		reason         string
		want           string // the answer begins with it
	}{
		{"a_member_reads", personAs("bob", "user"), "GET", "/tickets/1", "", 200, "", `{"id":"1","title":"Launch","estimate":3}`},
		{"the_author_reads_less", personAs("alice", "user"), "GET", "/tickets/1", "", 200, "", `{"id":"1","title":"Launch"}`},
		{"another_project", personAs("bob", "user"), "GET", "/tickets/2", "", 404, "authz.not_readable", ""},
		{"the_bob_of_another_issuer", elsewhere, "GET", "/tickets/1", "", 404, "authz.not_readable", ""},
		{"the_list_of_a_member", personAs("bob", "user"), "GET", "/tickets", "", 200, "", `{"items":[{"id":"1","title":"Launch","estimate":3}]}`},
		{"the_list_of_an_author", personAs("carol", "user"), "GET", "/tickets", "", 200, "", `{"items":[{"id":"2","title":"Dock"}]}`},
		{"the_list_of_a_stranger", elsewhere, "GET", "/tickets", "", 200, "", `{"items":[]}`},
		{"a_member_creates", personAs("bob", "user"), "POST", "/projects/apollo/tickets", `{"title": "New", "estimate": 1}`, 201, "", `{"id":`},
		{"a_stranger_creates", personAs("bob", "user"), "POST", "/projects/gemini/tickets", `{"title": "New"}`, 403, "authz.not_within_reach", ""},
		{"in_a_missing_project", personAs("bob", "user"), "POST", "/projects/none/tickets", `{"title": "New"}`, 403, "authz.not_within_reach", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := newTracker()
			var events bulwarktest.Recorder
			r := httptest.NewRequest(test.method, test.target, strings.NewReader(test.body))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			events.Wrap(k.service(bulwark.Must(ticketPolicy()))).ServeHTTP(w, authtest.As(r, test.who))
			if w.Code != test.status || !strings.HasPrefix(w.Body.String(), test.want) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, test.status, test.want)
			}
			if want := map[bool]int{true: 3, false: 2}[test.status == 201]; len(k.tickets) != want {
				t.Errorf("%d tickets, want %d", len(k.tickets), want)
			}
			reason := ""
			for _, e := range events.Events() {
				reason += e.Reason
			}
			if reason != test.reason {
				t.Errorf("events %q, want %q", reason, test.reason)
			}
		})
	}
}

// A list whose query leaves the members out is refused as a whole.
func TestAListWithoutTheMembers(t *testing.T) {
	policy := bulwark.Must(ticketPolicy())
	k := newTracker()
	tickets := k.resource()
	mux := authz.NewMux(policy)
	authz.HandleList(mux, "GET /tickets", tickets.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		t := k.tickets["1"]
		authz.WriteList(w, r, reach, []*Ticket{&t})
	})
	var events bulwarktest.Recorder
	w := httptest.NewRecorder()
	events.Wrap(mux).ServeHTTP(w, authtest.As(httptest.NewRequest("GET", "/tickets", nil), personAs("bob", "user")))
	reported := events.Events()
	if w.Code != 500 || !strings.Contains(w.Body.String(), "authz.list_leak") || strings.Contains(w.Body.String(), "Launch") || len(reported) != 1 ||
		!strings.Contains(reported[0].Attrs[0].String(), "what Owner and Reaches look at") {
		t.Errorf("%d %s %+v", w.Code, w.Body, reported)
	}
}

// The table shows the reach beside the role.
func TestTheRoutesOfATracker(t *testing.T) {
	mux := newTracker().service(bulwark.Must(ticketPolicy()))
	want := "GET /tickets | list ticket:read | user (own+project)\n" +
		"GET /tickets/{id} | object ticket:read | user (own+project)\n" +
		"POST /projects/{project}/tickets | create ticket:create | user (project)\n"
	lines := strings.SplitAfter(authztest.Routes(mux), "\n")
	slices.Sort(lines)
	if got := strings.Join(lines, ""); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	authztest.Matrix(t, mux, []string{"user"})
}
