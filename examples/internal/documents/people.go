package documents

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/validate"
)

// credentials is the body of a login.
type credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// login checks a password and starts a session. See limits.go for the limits on
// guesses.
func (a *App) login(w http.ResponseWriter, r *http.Request) {
	said, err := validate.BodyAs[credentials](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	refund, err := a.takeLogin(r, normalEmail(said.Email))
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	account, err := a.accounts.check(r.Context(), said.Email, said.Password)
	if err != nil {
		refund()
		bulwark.Deny(w, r, storeProblem(err))
		return
	}
	if account == nil {
		log := bulwark.ProblemLog{Event: bulwark.AuthnLoginFail, Attrs: []slog.Attr{a.detector.Account(normalEmail(said.Email))}}
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusUnauthorized, Code: "login.failed", Log: log,
			Detail: "The e-mail address or the password is wrong."})
		return
	}
	refund()
	tokens, err := a.sessions.Issue(w, r, a.principal(account))
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	a.rememberDevice(w, r, account)
	bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginSuccess, Issuer: a.issuer(), UserID: account.ID, Attrs: [4]slog.Attr{a.detector.Account(account.Email)}})
	answer(w, r, http.StatusOK, tokens)
}

// newUser is the body of a sign-up.
type newUser struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Name     string `json:"name"`
	Role     string `json:"role"`
}

// signUp makes an account. The schema accepts the role "moderator", because
// admins make moderators. Whether the caller is an admin is checked here.
func (a *App) signUp(w http.ResponseWriter, r *http.Request) {
	said, err := validate.BodyAs[newUser](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	caller, _ := bulwark.PrincipalFrom(r.Context())
	if said.Role != "user" && !caller.HasRole("admin") {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusForbidden, Code: "users.role_forbidden",
			Errors: []bulwark.FieldError{{Pointer: "/role", In: "body", Code: "forbidden", Detail: "Only an admin may choose this role."}}})
		return
	}
	// A sign-up stays counted, unless it fails because the server is busy.
	taken, _, err := a.limits.signUps.TakeFor(r.Context(), bulwark.ClientIP(r))
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	account, err := a.accounts.add(r.Context(), said.Email, said.Name, said.Role, said.Password)
	if errors.Is(err, errEmailTaken) {
		const detail = "This e-mail address has an account. Log in instead."
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusConflict, Code: "users.email_taken", Detail: detail,
			Errors: []bulwark.FieldError{{Pointer: "/email", In: "body", Code: "taken", Detail: detail}}})
		return
	}
	if err != nil {
		if !errors.Is(err, errFull) {
			taken.Refund()
		}
		bulwark.Deny(w, r, storeProblem(err))
		return
	}
	answer(w, r, http.StatusCreated, account)
}

func (a *App) listUsers(w http.ResponseWriter, r *http.Request) {
	page, err := validate.QueryAs[pageQuery](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	items, total := a.accounts.list(page.Limit, page.Offset)
	w.Header().Set("X-Total-Count", strconv.Itoa(total))
	answer(w, r, http.StatusOK, map[string]any{"items": items})
}
