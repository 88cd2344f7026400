package auth

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
)

// Invalid returns the refusal of a bad credential: 401 "auth.invalid_token".
// The client learns only that the credential is bad. [Middleware] adds the
// challenges with error="invalid_token" (RFC 6750 section 3.1). The log gets
// the event authn_token_invalid with the exact reason, and the cause in the
// attribute "error". The cause may be nil. It must not contain the credential.
//
// The reason is one of a closed list, so that metrics can count by it. "Changed
// by" names the fields of Config, in the packages of the list, that change the
// decision. A package name before a field means that only the Config of that
// package has the field.
//
// Reasons of tokens (packages jwt and introspection):
//
//   - "malformed": the token cannot be parsed, is not signed, is too long, or
//     lacks a claim that every token needs, such as iss, sub or exp. Changed by
//     MaxTokenBytes, SubjectClaim, ClientClaim, TokenIDClaim, introspection
//     InsecureNoExpiry, and Authenticators of auth.
//   - "algorithm": the alg is not accepted. Changed by jwt Algorithms.
//   - "type": the token is of a type that is not accepted. Changed by Types,
//     jwt InsecurePlainType and introspection RequireType. A token with the
//     claim events is a logout token or a security event token (RFC 8417) and
//     is always refused.
//   - "issuer": the iss is another issuer, is not found, or is of another
//     tenant than the token. Changed by Issuer, by Authenticators of auth, and
//     by Find, Patterns and Tenants of jwt.IssuersConfig.
//   - "audience": the token is for another service, or has no aud. Changed by
//     Audience, jwt AudienceClaim and introspection InsecureAnyAudience.
//   - "claim": a claim does not have the required value, or Map has refused the
//     token. Changed by Map and jwt Require.
//   - "expired": the token has expired. Changed by Skew.
//   - "not_yet_valid": the nbf or the iat is in the future. Changed by Skew.
//   - "lifetime": the token is valid for too long. Changed by jwt MaxLifetime.
//   - "signature": the signature is wrong, or made with another key. Changed by
//     jwt Keys.
//   - "unknown_key": no key of the issuer fits the token. Changed by jwt Keys.
//   - "binding": the token is not bound to a key or a certificate although it
//     must be, or the request does not prove that it has the key. Changed by
//     DPoP, MutualTLS and InsecureUnbound.
//   - "revoked": [Revocations] names the token, its session or its caller.
//     Changed by Revocations.
//   - "inactive": the introspection endpoint says that the token is not active.
//     Changed by introspection Endpoint.
//
// Reasons of API keys (package apikey):
//
//   - "malformed": the text is not in the form of a key. Changed by Prefix and
//     Legacy.
//   - "audience": the key is of another environment. Changed by Env.
//   - "unknown_key": the store does not have the key. Changed by Store and
//     Legacy.
//   - "key": the secret is wrong. Changed by Peppers.
//   - "revoked": somebody has revoked the key, or its owner is gone. Changed by
//     Lookup.
//   - "expired": the key or its secret has ended. Changed by Lifetime and
//     MaxOverlap.
//   - "network": the client is in none of the networks of the key. Changed by
//     the Networks of the Grant.
//
// Reasons of logins (package session, besides those of its access tokens):
//
//   - "malformed": the cookie is not in the form of a token, or came twice. No
//     field changes this.
//   - "session": the session of the token is unknown or of another caller.
//     Changed by Store and StoreKeys.
//   - "revoked": the session has ended. Changed by Store and MaxSessions.
//   - "expired": the token or the session has expired. Changed by
//     AccessLifetime, Lifetime and MaxRefreshes.
//   - "idle": no request has used the session for too long. Changed by Idle.
//   - "reuse": a refresh token was used again. Changed by Grace and LostAnswer.
//   - "overused": refresh tokens were used again too often in a row. Changed by
//     Grace and LostAnswer.
//   - "disabled": Lookup found no account. Changed by Lookup.
//
// Logout tokens of an identity provider have the reasons of tokens, and
// "replay", under a code of their own.
//
// Reasons of client certificates (package mtls):
//
//   - "malformed": the certificate does not have exactly one name of the
//     configured kind, or cannot be understood. Changed by URI, DNS and
//     Intermediates.
//   - "claim": the name belongs to another domain, or Map has refused the
//     certificate. Changed by URI, DNS and Map.
//   - "issuer": no chain leads to an authority of the service. Changed by
//     ClientCAs and Intermediates.
//   - "type": the certificate is not made for clients. No field changes this.
//   - "expired": the certificate has expired. No field changes this.
//   - "not_yet_valid": the certificate is not valid yet. No field changes this.
//   - "revoked": [Revocations] names the certificate or its caller. Changed by
//     Revocations.
//
// Reasons of [Middleware], under codes of their own:
//
//   - "ambiguous": the request has more than one credential. Changed by
//     Authenticators and TokenFrom.
//   - "authorization_header": the Authorization header is not a scheme followed
//     by credentials. No field changes this.
//   - "scheme": no authenticator offers the scheme. Changed by Authenticators.
//
// Reasons of proofs (package dpop), under codes of their own:
//
//   - "proof": the proof does not fit the request. Changed by Algorithms,
//     Window and MaxProofBytes.
//   - "replay": the proof has been used before. No field changes this.
//   - "nonce": the proof needs a fresh nonce of this service. Changed by
//     NonceKey and NonceLifetime.
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
// checked at the moment: 503 "auth.unavailable" with Retry-After. The client
// did nothing wrong. The log gets the event sys_unavailable with the reason,
// and the cause in the attribute "error". The cause may be nil.
//
// The reason is one of a closed list. Each fault is in a part of the service:
//
//   - "keys_unavailable": the keys of the issuer could not be loaded. Changed
//     by the Keys of jwt.Config.
//   - "introspection_unavailable": the introspection endpoint did not answer.
//     Changed by the Endpoint of introspection.Config.
//   - "store_unavailable": a store did not answer. Changed by Revocations,
//     Store, Replays, Lookup or Legacy of the Config, and by Find of
//     jwt.IssuersConfig.
//   - "store_full": a store has no room. Changed by Max of the store, and by
//     Max of jwt.IssuersConfig.
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

// ambiguous refuses more than one credential, because two readers might each
// trust another credential (RFC 6750 section 2).
func ambiguous(cause error) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusBadRequest,
		Code:   "auth.ambiguous_credentials",
		Detail: "The request carries more than one credential; send one.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "ambiguous"},
		Err:    cause,
	}
}

// ambiguousCookies refuses two ambient credentials. It is a 401, because
// together they do not count as a credential.
func ambiguousCookies() *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   "auth.ambiguous_credentials",
		Detail: "The request carries the cookies of more than one login; delete all but one.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "ambiguous"},
		Err:    errTwoCookies,
	}
}

// notCredentials refuses an Authorization header that is not a scheme followed
// by credentials.
func notCredentials(cause error) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusBadRequest,
		Code:   "auth.invalid_request",
		Detail: "The Authorization header is not a scheme followed by credentials.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "authorization_header"},
		Err:    cause,
	}
}

// unknownScheme refuses credentials of a scheme that no authenticator reads.
// Its challenges have no error, because the request has no bad token.
func unknownScheme(cause error) *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   "auth.unsupported_scheme",
		Detail: "The service does not accept this authentication scheme. Use one of the schemes in WWW-Authenticate.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthnTokenInvalid, Reason: "scheme"},
		Err:    cause,
	}
}

// unidentified returns r for the refusal of a request without credentials. Its
// context tells the log that the cookies of r are not credentials, because all
// authenticators have looked at them.
func unidentified(r *http.Request, err error) *http.Request {
	if p, ok := err.(*bulwark.Problem); ok && p != nil && p.Code == codeRequired {
		return r.WithContext(bulwark.WithPrincipal(r.Context(), nil))
	}
	return r
}

// codeRequired is the code of a request without credentials.
const codeRequired = "auth.credentials_required"

// required refuses a request without credentials. Its challenges have no error
// (RFC 6750 section 3.1).
func required() *bulwark.Problem {
	return &bulwark.Problem{
		Status: http.StatusUnauthorized,
		Code:   codeRequired,
		Detail: "This resource needs credentials.",
		Log:    bulwark.ProblemLog{Event: bulwark.AuthzFail},
		Err:    errRequired,
	}
}
