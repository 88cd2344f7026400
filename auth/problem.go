package auth

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
)

// Invalid returns the refusal of a credential: 401 "auth.invalid_token", for
// the log the event authn_token_invalid with the exact reason. The client
// learns that the credential is bad and nothing more; [Middleware] fills in the
// challenges with error="invalid_token" (RFC 6750 section 3.1).
//
// The reason is one of a closed list, which metrics count by. Those of tokens,
// keys and sessions are "malformed", "algorithm", "type", "issuer", "audience",
// "claim" (one that is required), "expired", "not_yet_valid", "lifetime",
// "signature", "unknown_key", "binding", "revoked", "inactive" (by
// introspection), "key" (a wrong secret), "network", "session", "reuse",
// "overused" and "disabled". [Middleware] itself refuses with "ambiguous",
// "authorization_header" and "scheme", and DPoP adds "proof", "replay" and
// "nonce" under codes of its own. The cause may be nil.
func Invalid(reason string, cause error) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   "auth.invalid_token",
		Detail: "The credentials are not valid.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: reason},
		Err:    cause,
	}
}

// Unavailable returns the refusal of a request whose credential cannot be
// checked now, which is not the fault of the client: 503 "auth.unavailable"
// with Retry-After, for the log the event sys_unavailable with the reason:
// "keys_unavailable", "introspection_unavailable", "store_unavailable" or
// "store_full". The cause may be nil.
func Unavailable(reason string, cause error, retryAfter time.Duration) *bulwark.Problem {
	return &bulwark.Problem{
		Status:     http.StatusServiceUnavailable,
		Code:       "auth.unavailable",
		Detail:     "The credentials cannot be checked at the moment.",
		RetryAfter: retryAfter,
		Log:        bulwark.ProblemLog{Event: bulwark.SysUnavailable, Reason: reason},
		Err:        cause,
	}
}

// ambiguous refuses more than one credential: two readers might each believe
// another one (RFC 6750 section 2).
func ambiguous() *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusBadRequest,
		Code:   "auth.ambiguous_credentials",
		Detail: "The request carries more than one credential; send one.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "ambiguous"},
	}
}

// notCredentials refuses an Authorization header that is not a scheme followed
// by credentials.
func notCredentials() *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusBadRequest,
		Code:   "auth.invalid_request",
		Detail: "The Authorization header is not a scheme followed by credentials.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "authorization_header"},
	}
}

// unknownScheme refuses credentials of a scheme that nobody here reads. The
// challenges are bare: there is nothing wrong with a token.
func unknownScheme() *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   "auth.unsupported_scheme",
		Detail: "The authentication scheme is none of those in WWW-Authenticate.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "scheme"},
	}
}

// unidentified returns r so that a refusal for want of credentials tells the
// log that the cookies of r are not credentials: all have been looked at.
func unidentified(r *http.Request, err error) *http.Request {
	if p, ok := err.(*bulwark.Problem); ok && p.Code == codeRequired {
		return r.WithContext(bulwark.WithPrincipal(r.Context(), nil))
	}
	return r
}

// codeRequired is the code of a request without credentials.
const codeRequired = "auth.credentials_required"

// required refuses a request without credentials. RFC 6750 section 3.1 wants no
// error code then.
func required() *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   codeRequired,
		Detail: "This resource needs credentials.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthzFail},
	}
}
