package authz_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// An account is what the Examples of Decode store.
type account struct {
	ID    string `json:"id" authz:"read=*"`
	Owner string `json:"owner" authz:"read=*"`
	Name  string `json:"name" authz:"read=*,write=own|admin"`
	Email string `json:"email" authz:"read=own|admin,write=own"`
	Role  string `json:"role" authz:"read=own|admin,write=admin"`
}

// A registry takes grants, so that nobody stores what was not checked.
type registry map[string]account

func (s registry) save(ctx context.Context, g authz.Granted[*account], action string) error {
	a, err := g.For(ctx, action)
	if err != nil {
		return err
	}
	s[a.ID] = *a
	return nil
}

// register adds the routes of the accounts to a Mux.
func (s registry) register(mux *authz.Mux) {
	accounts := authz.Resource[*account]{
		Name: "account",
		Load: func(_ context.Context, r *http.Request) (*account, error) {
			a, ok := s[r.PathValue("id")]
			if !ok {
				return nil, authz.ErrNotFound
			}
			return &a, nil
		},
		Owner: func(a *account) (issuer, subject string) { return "https://accounts.example", a.Owner },
	}
	update := func(w http.ResponseWriter, r *http.Request, a authz.Granted[*account]) {
		next, err := authz.Decode(w, r, a)
		if err == nil {
			err = s.save(r.Context(), next, "update")
		}
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
	authz.HandleObject(mux, "PUT /accounts/{id}", accounts.Can("update"), update)
	authz.HandleObject(mux, "PATCH /accounts/{id}", accounts.Can("update"), update)
	authz.HandleCreate(mux, "POST /accounts", accounts.Can("create"),
		func(w http.ResponseWriter, r *http.Request, check func(*account) (authz.Granted[*account], error)) {
			caller, _ := bulwark.PrincipalFrom(r.Context())
			draft := &account{ID: fmt.Sprint(len(s) + 1), Owner: caller.Subject, Role: "user"}
			grant, err := check(draft)
			if err == nil {
				grant, err = authz.Decode(w, r, grant)
			}
			if err == nil {
				err = s.save(r.Context(), grant, "create")
			}
			if err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			w.WriteHeader(http.StatusCreated)
		})
}

// newAccounts returns the routes, and a function that sends a body to them.
func newAccounts() (registry, func(caller, method, path, body string) *httptest.ResponseRecorder) {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"account": {"create", "read", "update"}},
		Roles: authz.Roles{
			"user":  {Grants: []string{"account:create:own", "account:read:own", "account:update:own"}},
			"admin": {Grants: []string{"account:read:all", "account:update:all"}},
		},
	}))
	if err := authz.Fields[account](policy); err != nil {
		panic(err)
	}
	store := registry{"1": {ID: "1", Owner: "ann", Name: "Ann", Email: "ann@example.com", Role: "user"}}
	mux := authz.NewMux(policy)
	store.register(mux)
	roles := map[string]string{"ann": "user", "root": "admin"}
	return store, func(caller, method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		who := &bulwark.Principal{Issuer: "https://accounts.example", Subject: caller, Roles: []string{roles[caller]}}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), who)))
		return w
	}
}

// A PATCH changes the fields that it names. A PUT replaces all fields that the
// caller may write, and a POST makes a new object with them. The service sets
// the other fields.
func ExampleDecode() {
	store, send := newAccounts()
	for _, request := range []struct{ caller, method, path, body string }{
		{"ann", "PATCH", "/accounts/1", `{"name":"Anna"}`},
		{"ann", "PUT", "/accounts/1", `{"name":"Annie"}`},
		{"root", "PATCH", "/accounts/1", `{"role":"moderator"}`},
		{"ann", "POST", "/accounts", `{"name":"Second","email":"second@example.com"}`},
	} {
		w := send(request.caller, request.method, request.path, request.body)
		fmt.Println(request.method, w.Code)
	}
	fmt.Printf("%+v\n", store["1"])
	fmt.Printf("%+v\n", store["2"])
	// Output:
	// PATCH 204
	// PUT 204
	// PATCH 204
	// POST 201
	// {ID:1 Owner:ann Name:Annie Email: Role:moderator}
	// {ID:2 Owner:ann Name:Second Email:second@example.com Role:user}
}

// Mass assignment: a client sends fields that it should not write, or spells
// them in a way that encoding/json takes for such a field. Every body is
// refused, and the answer names the field.
func ExampleDecode_incorrect() {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the events of the refusals
	store, send := newAccounts()
	for _, body := range []string{
		`{"name":"Ann","role":"admin"}`,
		`{"owner":"mallory","id":"7"}`,
		`{"name":"Ann","ROLE":"admin"}`,
		`{"name":"Ann","name":"Mallory"}`,
		`{"name":["Ann"]}`,
	} {
		w := send("ann", "PUT", "/accounts/1", body)
		var answer struct {
			Code   string
			Errors []struct{ Pointer, Detail string }
		}
		json.Unmarshal(w.Body.Bytes(), &answer)
		fmt.Println(w.Code, answer.Code)
		for _, e := range answer.Errors {
			fmt.Println("  ", e.Pointer, e.Detail)
		}
	}
	fmt.Printf("%+v\n", store["1"])
	// Output:
	// 403 authz.field_forbidden
	//    /role The caller may not write this field; leave it out.
	// 403 authz.field_forbidden
	//    /id The caller may not write this field; leave it out.
	//    /owner The caller may not write this field; leave it out.
	// 422 authz.field_unknown
	//    /ROLE Is not known here; leave it out.
	// 400 body.malformed
	//    /name Must be given once, whatever the case of its letters.
	// 422 authz.field_type
	//    /name Must be of type string, and fit the field.
	// {ID:1 Owner:ann Name:Ann Email:ann@example.com Role:user}
}
