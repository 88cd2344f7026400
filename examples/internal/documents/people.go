package documents

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/validate"
)

// credentials is the body of a login.
type credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// login checks a password and starts a session.
func (a *App) login(w http.ResponseWriter, r *http.Request) {
	said, err := validate.BodyAs[credentials](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	account, err := a.checkPassword(r, said)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	who := a.principal(account)
	who.Factors = map[string]time.Time{password: time.Now()}
	tokens, err := a.sessions.Issue(w, r, who)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	a.rememberDevice(w, r, account)
	bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginSuccess, Issuer: a.issuer(), UserID: account.ID, Attrs: [4]slog.Attr{a.detector.Account(account.Email)}})
	answer(w, r, http.StatusOK, tokens)
}

// password is the name of the factor (RFC 8176).
const password = "pwd"

// checkPassword returns the account if the password is right, or else the
// refusal. See limits.go for the limits on guesses.
func (a *App) checkPassword(r *http.Request, said credentials) (*Account, error) {
	refund, err := a.takeLogin(r, NormalEmail(said.Email))
	if err != nil {
		return nil, err
	}
	account, err := a.passwords.check(r.Context(), said.Email, said.Password)
	if err != nil {
		refund()
		return nil, storeProblem(err)
	}
	if account == nil {
		log := bulwark.ProblemLog{Event: bulwark.AuthnLoginFail, Attrs: []slog.Attr{a.detector.Account(NormalEmail(said.Email))}}
		return nil, &bulwark.Problem{Status: http.StatusUnauthorized, Code: "login.failed", Log: log,
			Detail: "The e-mail address or the password is wrong."}
	}
	refund()
	return account, nil
}

// confirm checks the password of somebody who has logged in, for the routes
// that ask for a password of the last minutes. Guesses count as guesses of a
// login do. Otherwise a stolen session could try passwords without end.
func (a *App) confirm(w http.ResponseWriter, r *http.Request) {
	said, err := validate.BodyAs[struct {
		Password string `json:"password"`
	}](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	caller, _ := bulwark.PrincipalFrom(r.Context())
	own, err := a.account(r.Context(), caller.Subject)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	if _, err := a.checkPassword(r, credentials{own.Email, said.Password}); err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	answerDone(w, r, a.sessions.AddFactor(w, r, password))
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
	account, err := a.passwords.add(r.Context(), said.Email, said.Name, said.Role, said.Password)
	if errors.Is(err, ErrEmailTaken) {
		const detail = "This e-mail address has an account. Log in instead."
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusConflict, Code: "users.email_taken", Detail: detail,
			Errors: []bulwark.FieldError{{Pointer: "/email", In: "body", Code: "taken", Detail: detail}}})
		return
	}
	if err != nil {
		if !errors.Is(err, ErrFull) {
			taken.Refund()
		}
		bulwark.Deny(w, r, storeProblem(err))
		return
	}
	answer(w, r, http.StatusCreated, account)
}

// closeAccount closes an account, for an administrator: nobody can log in to it
// any more, and its sessions and keys end. Its documents stay.
func (a *App) closeAccount(w http.ResponseWriter, r *http.Request) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	if r.PathValue("id") == caller.Subject {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusConflict, Code: "users.own_account",
			Detail: "An administrator cannot close their own account."})
		return
	}
	account, err := a.accounts.Close(r.Context(), r.PathValue("id"))
	if err != nil || account == nil {
		bulwark.Deny(w, r, cmp.Or(storeProblem(err), noUser()))
		return
	}
	// The account is gone first. A login or a new key of the same moment ends
	// at the next look at the account.
	answerDone(w, r, errors.Join(a.sessions.RevokeAll(r.Context(), account.ID), a.keys.RevokeOwner(r.Context(), a.principal(account))))
}

// account returns the account with the id, or the refusal.
func (a *App) account(ctx context.Context, id string) (*Account, error) {
	account, err := a.accounts.Get(ctx, id)
	if err != nil {
		return nil, storeProblem(err)
	}
	if account == nil {
		return nil, noUser()
	}
	return account, nil
}

func noUser() error {
	return &bulwark.Problem{Status: http.StatusNotFound, Code: "users.not_found", Detail: "There is no such user."}
}

func (a *App) listUsers(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
	if !reach.All { // the store has no query for some accounts
		authz.WriteList(w, r, reach, []*Account{})
		return
	}
	page, err := validate.QueryAs[pageQuery](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	items, total, err := a.accounts.List(r.Context(), page.Limit, page.Offset)
	if err != nil {
		bulwark.Deny(w, r, storeProblem(err))
		return
	}
	w.Header().Set("X-Total-Count", strconv.Itoa(total))
	authz.WriteList(w, r, reach, items)
}
