package session

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// storeRetry is when to try again after an outage of the store.
const storeRetry = 5 * time.Second

// unavailable is the answer if the store cannot make a change.
func unavailable(err error) error {
	if errors.Is(err, auth.ErrFull) {
		return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "session.store_full",
			Detail: "No further session can be kept at the moment.", RetryAfter: time.Minute,
			Err: fmt.Errorf("session.Config.Store has no room (MemoryStore.Max): %w", err)}
	}
	return away("session.Config.Store", err)
}

// away is the answer if the field of the Config cannot be asked.
func away(field string, err error) error {
	return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "session.unavailable",
		Detail: "Sessions cannot be changed at the moment.", RetryAfter: storeRetry, Err: fmt.Errorf("%s: %w", field, err)}
}

// storeAway is the answer to a request with an access token if the store cannot
// be asked.
func storeAway(err error) error {
	return auth.Unavailable("store_unavailable", fmt.Errorf("session.Config.Store: %w", err), storeRetry)
}

// loggedOut refuses a login that has ended at the identity provider.
func loggedOut(err error) error {
	return &bulwark.Problem{Status: http.StatusUnauthorized, Code: "session.logged_out",
		Detail: "The login has ended at the identity provider. Log in again.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnLoginFail},
		Err:    fmt.Errorf("a logout token came before the login (session.BackChannel.MarkLifetime): %w", err)}
}

func cookieRequired() error {
	return &bulwark.Problem{Status: http.StatusUnauthorized, Code: "session.cookie_required",
		Detail: "The request has no refresh token. Log in.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthzFail, Level: slog.LevelInfo}}
}

func notPosted() error {
	return &bulwark.Problem{Status: http.StatusMethodNotAllowed, Code: "session.method_not_allowed",
		Detail: "Send a POST request.", Header: http.Header{"Allow": {http.MethodPost}}}
}

// forBrowsers refuses tokens in a body to a browser, where scripts could read
// them.
func forBrowsers() error {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "session.browser",
		Detail: "A browser keeps its tokens in cookies.", Err: errBrowser}
}

// invalidRequest refuses a request with a refresh token in a wrong place.
func invalidRequest(cause error) error {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: "session.invalid_request",
		Detail: "Send one refresh token: in its cookie, or as the only member refresh_token of a JSON object.", Err: cause}
}
