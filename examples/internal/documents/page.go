package documents

import (
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/headers"
)

// The page has its script and its style inside, so that the nonce of this
// answer allows them and nothing else does.
var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle template.CSS
	//go:embed ask.js
	askScript template.JS
	//go:embed page.js
	pageScript template.JS
	//go:embed shelf.js
	shelfScript template.JS
	//go:embed devices.js
	devicesScript template.JS

	pageTemplate = template.Must(template.New("page").Parse(pageText))
)

// pageHeaders replaces, on the page, the header fields of the outer layer.
// Browsers report to reportsPath what the policy of the page has blocked. The
// script has the only policy for trusted types, for the frames that show
// documents.
func pageHeaders() headers.Config {
	return headers.Config{
		Preset:    headers.HTML,
		HSTS:      hsts,
		CSP:       headers.CSP{ReportTo: "csp", RequireTrustedTypes: true, TrustedTypes: []string{"document"}},
		Endpoints: map[string]string{"csp": reportsPath},
	}
}

// activityHeaders is pageHeaders for a page whose script makes no markup: it
// has no policy for trusted types at all.
func activityHeaders() headers.Config {
	c := pageHeaders()
	c.CSP.TrustedTypes = []string{"'none'"}
	return c
}

func page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	pageTemplate.Execute(w, struct {
		Nonce  string
		Style  template.CSS
		Script template.JS
	}{headers.Nonce(r.Context()), pageStyle, askScript + pageScript + devicesScript + shelfScript})
}

// visitor describes the user of a page.
type visitor struct {
	ID    string `json:"id"`
	Email string `json:"email,omitempty"`
	Name  string `json:"name"`
	Role  string `json:"role"`
	// May is the reach of each action on documents: "all", "own" or "".
	May map[string]string `json:"may"`
}

// me tells a page who is logged in. An anonymous caller also gets 200, because
// a refusal would cause two security events for each visit. Renewable says that
// there is a refresh cookie, which scripts cannot see.
func (a *App) me(w http.ResponseWriter, r *http.Request) {
	_, missing := r.Cookie("__Host-refresh")
	caller, _ := bulwark.PrincipalFrom(r.Context())
	user, err := a.visitor(r.Context(), caller)
	if err != nil {
		bulwark.Deny(w, r, storeProblem(err))
		return
	}
	answer(w, r, http.StatusOK, struct {
		User      *visitor `json:"user"`
		Renewable bool     `json:"renewable"`
	}{user, missing == nil})
}

func (a *App) visitor(ctx context.Context, caller *bulwark.Principal) (*visitor, error) {
	if caller == nil {
		return nil, nil
	}
	account, err := a.accounts.Get(ctx, caller.Subject)
	if err != nil {
		return nil, err
	}
	v := &visitor{ID: caller.Subject, Name: caller.Subject, Role: strings.Join(caller.Roles, ", "), May: map[string]string{}}
	if account != nil && caller.Issuer == a.issuer() {
		v.Email, v.Name = account.Email, account.Name
	}
	for _, action := range []string{"create", "read", "update", "delete"} {
		v.May[action] = ""
		for _, reach := range []string{"own", "all"} {
			if a.policy.Decide(authz.Query{Principal: caller, Resource: "document", Action: action, Reach: reach}).Allowed {
				v.May[action] = reach
			}
		}
	}
	return v, nil
}
