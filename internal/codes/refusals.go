package main

import (
	"log/slog"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// A family is the codes of one package.
type family struct {
	name     string // of the package
	about    string // a sentence, or empty
	refusals []refusal
}

// A refusal is one code of a problem.
type refusal struct {
	code   string
	status []int
	event  bulwark.EventName // empty: chosen by the status
	level  slog.Leveler      // nil: chosen by the event and the status
	means  string
	do     string
}

const (
	badRequest    = http.StatusBadRequest
	unauthorized  = http.StatusUnauthorized
	forbidden     = http.StatusForbidden
	notFound      = http.StatusNotFound
	noMethod      = http.StatusMethodNotAllowed
	timeout       = http.StatusRequestTimeout
	conflict      = http.StatusConflict
	tooLarge      = http.StatusRequestEntityTooLarge
	unsupported   = http.StatusUnsupportedMediaType
	misdirected   = http.StatusMisdirectedRequest
	unprocessable = http.StatusUnprocessableEntity
	tooMany       = http.StatusTooManyRequests
	internalError = http.StatusInternalServerError
	unavailable   = http.StatusServiceUnavailable
	closed        = 499
)

var families = []family{
	{"bulwark", "The answers of `bulwark.Deny` to an error that is not a Problem, and the refusals of `bulwark.Edge`.", []refusal{
		{"internal.error", []int{internalError}, "", nil,
			"The handler gave `Deny` an error that is not a Problem.", "Read `error` in the log. Make a `bulwark.Problem` of errors that the client causes."},
		{"problem.status_…", []int{badRequest, internalError}, "", nil,
			"The application gave `Deny` a Problem without a Code. The number is its status.", "Give the Problem a Code."},
		{"request.malformed", []int{badRequest}, "", nil,
			"`ParseForm` or a function like it could not read the query or the form.", "The client sends a well formed query or form."},
		{"request.canceled", []int{closed}, bulwark.NoEvent, nil,
			"The client left before it had its answer. Nobody sees this answer, and there is no event.", "Nothing."},
		{"request.credential_expired", []int{unauthorized}, bulwark.SessionExpired, nil,
			"The credential expired while a stream was open.", "The client gets a new credential and connects again."},
		{"request.credential_revoked", []int{unauthorized}, bulwark.SessionExpired, nil,
			"The credential was revoked while a stream was open.", "The client gets a new credential and connects again."},
		{"request.credential_unchecked", []int{unavailable}, bulwark.NoEvent, nil,
			"A stream was open, and nobody could check its credential for too long. The authentication layer has reported it as `sys_unavailable`.", "Make the store of revocations reachable. `auth.Config.ReviewOutage` is the time."},
		{"edge.client_address", []int{badRequest}, "", nil,
			"The peer has no IP address, because it came through a Unix socket.", "Set `Edge.TrustUnixSocket`, and `Edge.ForwardedHeader` to the header that the proxy sets."},
		{"edge.forwarded", []int{badRequest}, "", nil,
			"The trusted proxy sent a forwarding header that cannot be read.", "Read `error`. Let the proxy overwrite `Edge.ForwardedHeader`: see [recipes.md](recipes.md#run-behind-nginx-or-a-load-balancer)."},
		{"edge.client_cert", []int{badRequest}, "", nil,
			"A proxy in `Edge.ClientCertFrom` sent a `Client-Cert` header that is not one certificate in the form of RFC 9440.", "Read `error`. Let the proxy overwrite `Client-Cert` with the certificate in DER and Base64, between two colons, and leave it out if there is no certificate."},
		{"edge.request_target", []int{badRequest}, "", nil,
			"The request target is not a path, or names another host than `Host`.", "Nothing for ordinary clients. A proxy must send paths."},
		{"edge.misdirected", []int{misdirected}, "", nil,
			"The `Host` is not one of `Edge.Hosts`.", "Add the name to `Edge.Hosts`. For a health check that asks by address, set `Edge.HealthPaths` and `Edge.HealthHosts`: see [recipes.md](recipes.md#answer-the-health-checks-of-an-orchestrator)."},
		{"edge.unconfigured", []int{internalError}, "", nil, "The layer was made without `NewEdge`.", "Make it with `NewEdge` or in a `Chain`."},
	}},
	{"body", "Faults of a body that `validate`, `sanitize`, `authz` or `Deny` reads.", []refusal{
		{"body.required", []int{badRequest}, "", nil, "The body is empty.", "The client sends a body. A route without a body needs no `Body`."},
		{"body.malformed", []int{badRequest}, "", nil, "The body is not JSON, or not a form.", "The client sends well formed JSON, or a well formed form. The detail says where the fault is."},
		{"body.ambiguous_parameter", []int{badRequest}, "", nil, "A form has one name twice, or in two spellings.", "The client sends each name once."},
		{"body.too_large", []int{tooLarge}, "", nil, "The body has more bytes than are allowed.", "Raise `MaxBodyBytes` in the layer's Config. Without such a layer, put `transport.MaxBodyBytes` around the route."},
		{"body.too_complex", []int{badRequest}, "", nil, "The JSON is nested too deeply, or has too many values or too long texts. `rule` names the limit.", "Raise that field of `bulwark.JSONLimits`: it is in the field `JSON` of the layer's Config."},
		{"body.unsupported_media_type", []int{unsupported}, "", nil, "The `Content-Type` is not one that the route reads.", "The client sends JSON as `application/json`. The layer's `MediaTypes` lists others."},
		{"body.unsupported_encoding", []int{unsupported}, "", nil, "The body has a `Content-Encoding`, such as gzip.", "The client sends the body as it is."},
		{"body.timeout", []int{timeout}, "", nil, "The body did not arrive in time.", "Raise `BodyTimeout` if clients are slow."},
		{"body.incomplete", []int{badRequest}, "", nil, "The body ended early, or its transfer was malformed.", "The client sends the whole body."},
	}},
	{"auth", "Who calls. The exact reason is in the log only: see [Reasons](#reasons).", []refusal{
		{"auth.credentials_required", []int{unauthorized}, bulwark.AuthzFail, nil,
			"The request has no credential.", "The client logs in or sends a token. For routes that anybody may use, set `auth.Config.Optional`."},
		{"auth.invalid_token", []int{unauthorized}, bulwark.AuthnTokenInvalid, nil,
			"The token, key or cookie is not valid.", "Read `reason` and `error` in the log. See [tokens.md](tokens.md#what-goes-wrong-by-reason) and [issuers.md](issuers.md)."},
		{"auth.unsupported_scheme", []int{unauthorized}, bulwark.AuthnTokenInvalid, nil,
			"No authenticator reads the scheme in `Authorization`.", "The client uses a scheme that `WWW-Authenticate` names. To accept another scheme, add its authenticator to `auth.Config.Authenticators`."},
		{"auth.invalid_request", []int{badRequest}, bulwark.AuthnTokenInvalid, nil,
			"`Authorization` is not a scheme and a credential.", "The client sends `Authorization: Bearer …`."},
		{"auth.ambiguous_credentials", []int{badRequest, unauthorized}, bulwark.AuthnTokenInvalid, nil,
			"The request has two credentials. Two cookies of two logins are a 401, or count as no credential with `auth.Config.Optional`.", "The client sends one. Two applications on one host: give each an `auth.Config` of its own, around its routes."},
		{"auth.invalid_dpop_proof", []int{unauthorized}, bulwark.AuthnTokenInvalid, nil,
			"The DPoP proof does not fit the request or the token.", "Read `error` in the log."},
		{"auth.use_dpop_nonce", []int{unauthorized}, bulwark.AuthnTokenInvalid, nil,
			"The proof has no nonce, or an old nonce.", "The client makes a proof with the nonce in `DPoP-Nonce`."},
		{"auth.cross_site", []int{forbidden}, bulwark.MaliciousCSRF, nil,
			"A page of another site sent the request, with the cookies of the user.", "If the origin is your own, add it to `auth.Config.TrustedOrigins` or `session.Config.TrustedOrigins`."},
		{"auth.unavailable", []int{unavailable}, bulwark.SysUnavailable, nil,
			"The credential cannot be checked: keys, the issuer or a store do not answer.", "Read `reason` and `error`."},
		{"auth.store_full", []int{unavailable}, bulwark.SysUnavailable, nil,
			"The store of revocations is full.", "Raise `Max` of the memory store, or use a store of your own."},
		{"auth.too_many_streams", []int{unavailable}, bulwark.SysUnavailable, nil,
			"As many streams are open as may be.", "Raise `auth.Config.MaxStreams`. Look for a client that opens streams and keeps them."},
		{"auth.too_many_caller_streams", []int{tooMany}, bulwark.ExcessRateLimitExceeded, nil,
			"The caller has as many open streams as one caller may have.", "Raise `auth.Config.MaxCallerStreams` if the caller acts for many users."},
		{"auth.method_not_allowed", []int{noMethod}, "", nil, "`MetadataHandler` answers GET and HEAD only.", "The client uses GET."},
		{"auth.unconfigured", []int{internalError}, "", nil, "The layer was made without `New`.", "Make it with `New` or in a `Chain`."},
	}},
	{"auth/jwt", "", []refusal{
		{"jwt.method_not_allowed", []int{noMethod}, "", nil, "`JWKSHandler` answers GET and HEAD only.", "The client uses GET."},
		{"jwt.unconfigured", []int{internalError}, "", nil, "The verifier was made without `New`. Or `Find` of `jwt.IssuersConfig` has returned a Config that is wrong, or the Config of another issuer.", "Read `error`."},
	}},
	{"auth/introspection, auth/dpop", "", []refusal{
		{"introspection.unconfigured", []int{internalError}, "", nil, "The introspector was made without `New`.", "Make it with `New`."},
		{"dpop.unconfigured", []int{internalError}, "", nil, "The verifier was made without `New`, or there is no `Edge` with a `BaseURL` outside.", "Read `error`."},
	}},
	{"auth/mtls", "", []refusal{
		{"mtls.unconfigured", []int{internalError}, "", nil, "The verifier was made without `New`.", "Make it with `New`."},
	}},
	{"auth/session", "", []refusal{
		{"session.cookie_required", []int{unauthorized}, bulwark.AuthzFail, slog.LevelInfo, "There is no refresh token, in the cookie or in the body.", "The user logs in. An app sends its body as `application/json`."},
		{"session.invalid_request", []int{badRequest}, "", nil, "The request has a refresh token in the cookie and in the body, or a JSON body of another form.", "The client sends one token: the cookie, or the JSON member `refresh_token` alone."},
		{"session.browser", []int{badRequest}, "", nil, "A browser asked for tokens in a body.", "Browsers use `Issue` and the refresh cookie. A client that is not a browser leaves out `Origin` and `Sec-Fetch-Site`."},
		{"session.logged_out", []int{unauthorized}, bulwark.AuthnLoginFail, nil, "The identity provider ended the login before it arrived.", "The user logs in again."},
		{"session.logout_token", []int{badRequest}, bulwark.AuthnTokenInvalid, nil, "A logout token is not valid, or was used before.", "Read `reason` and `error`."},
		{"session.not_found", []int{notFound}, "", nil, "There is no such session to revoke.", "Nothing."},
		{"session.store_full", []int{unavailable}, "", nil, "The store has no room for a further session.", "Raise `MemoryStore.Max`, or use a store of your own."},
		{"session.unavailable", []int{unavailable}, "", nil, "The store does not answer.", "Read `error`."},
		{"session.method_not_allowed", []int{noMethod}, "", nil, "The refresh, logout and back-channel handlers answer POST only.", "The client uses POST."},
		{"session.unconfigured", []int{internalError}, "", nil, "The sessions were made without `New`.", "Make them with `New`."},
	}},
	{"auth/apikey", "", []refusal{
		{"apikey.invalid_grant", []int{unprocessable}, "", nil, "The grant of a new key is not valid. `errors` names the fields.", "The client corrects the fields. A tier must be in `Config.Tiers`."},
		{"apikey.invalid_key", []int{unprocessable}, "", nil, "`Adopt` got a text that is not a key of an older system.", "Pass 1 to 256 bytes of printable ASCII without spaces, in another format than new keys."},
		{"apikey.adopted", []int{conflict}, "", nil, "The key has been adopted before.", "Nothing. The store decides about the key."},
		{"apikey.invalid_overlap", []int{unprocessable}, "", nil, "The overlap of a rotation is negative or too long.", "The client asks for a shorter overlap."},
		{"apikey.not_found", []int{notFound}, "", nil, "There is no such key.", "Nothing."},
		{"apikey.ended", []int{conflict}, "", nil, "The key is revoked or has expired, and cannot be rotated.", "Issue a new key."},
		{"apikey.too_many_secrets", []int{conflict}, "", nil, "The key was rotated too often within one overlap.", "Wait until an old secret has ended."},
		{"apikey.store_full", []int{unavailable}, "", nil, "The store has no room for a further key.", "Raise `MemoryStore.Max` or the `max` of `OpenFile`, or use a store of your own."},
		{"apikey.unavailable", []int{unavailable}, "", nil, "The store does not answer.", "Read `error`."},
		{"apikey.unconfigured", []int{internalError}, "", nil, "The keys were made without `New`.", "Make them with `New`."},
	}},
	{"authz", "What the caller may do. `rule` in the log names the rule of the route.", []refusal{
		{"authz.unauthenticated", []int{unauthorized}, bulwark.AuthzFail, nil, "The route needs a caller.", "The client logs in or sends a token."},
		{"authz.forbidden", []int{forbidden}, "", nil, "The caller lacks the role or the permission, or the route has no rule.", "If the event has an `error` that the caller has no roles: set `jwt.Config.RolesClaims` to the claim that holds the roles. Otherwise read `rule`, and give a role of the caller the permission in `authz.PolicyConfig`."},
		{"authz.insufficient_scope", []int{forbidden}, "", nil, "The token lacks a scope.", "The client asks the issuer for the scope in `WWW-Authenticate`."},
		{"authz.insufficient_user_authentication", []int{unauthorized}, "", nil, "The login is too old or too weak for this route.", "The user logs in again, as `WWW-Authenticate` says (RFC 9470)."},
		{"authz.not_found", []int{notFound}, bulwark.AuthzFail, nil, "The object does not exist, or the caller may not read it. The answers are equal.", "Read `reason`: it says which of the two happened. `authz.not_readable` means that the object exists. Otherwise `Load` found nothing. `error` is set if the router sets no path values: see [routers.md](routers.md#parts-of-the-path)."},
		{"authz.no_route", []int{notFound}, "", nil, "No route has this path.", "Nothing, unless the route was forgotten."},
		{"authz.method_not_allowed", []int{noMethod}, "", nil, "The path has routes, but not for this method. Or `authz.Decode` was called for a method without a body.", "The client uses a method of `Allow`. Register a route that calls `authz.Decode` for POST, PUT or PATCH."},
		{"authz.path_value", []int{badRequest}, "", nil, "A value in the path holds a slash, a dot segment or a control character. Under `Mount` and under another router, also: the path has an empty segment or a semicolon.", "The client sends an id that is one segment of the path."},
		{"authz.load_timeout", []int{unavailable}, "", nil, "Loading the object took longer than allowed.", "Read `error`."},
		{"authz.engine_unavailable", []int{unavailable}, "", nil, "An engine of `Resource.Engines` or `Rule.Ask` did not answer within 5 seconds, failed or panicked, and the caller does not pass without it. Or the answer to a list had another number of decisions.", "Read `error`. Make the engine reachable."},
		{"authz.load_failed", []int{internalError}, "", nil, "Loading the object failed.", "Read `error`. `Load` returns `authz.ErrNotFound` for an object that does not exist."},
		{"authz.list_leak", []int{internalError}, "", nil, "A list handler returned an object that the caller may not read. Nothing was sent.", "Filter the query by the `Reach` that the handler is given. If the reach is one of your own, the query also reads what `Reaches` looks at, such as the members."},
		{"authz.list_encoding", []int{internalError}, "", nil, "The list could not be written as JSON.", "Read `error`."},
		{"authz.field_forbidden", []int{forbidden}, "", nil, "The body has fields that the caller may not write. `errors` lists them. `field` in the event is the first of these, and has `*` for an element or the key of a map.", "The client leaves the fields out. Otherwise add the caller's role or reach to `write` in the `authz` tag of the field. An attempt to write many fields is an attack."},
		{"authz.field_unknown", []int{unprocessable}, "", nil, "The body has names that are not fields of the object. Upper and lower case differ.", "The client corrects what `errors` lists. A field that clients may send needs a JSON name and an `authz` tag."},
		{"authz.field_type", []int{unprocessable}, "", nil, "The body is not an object, or a value does not fit its field.", "The client corrects what `errors` lists."},
		{"authz.unchecked", []int{internalError}, "", nil, "A handler behind `authz.Deferred` answered without a grant of `Resource.Check`. Nothing of its answer was sent.", "Correct the handler: `Check` comes before the first write. Read `error`."},
		{"authz.wrong_grant", []int{internalError}, "", nil, "A `Granted` was used for another action, in another request or for another caller, or with an object that nobody has checked.", "Read `error`."},
		{"authz.write_leak", []int{internalError}, "", nil, "A handler gave `authz.Write` an object that the caller may not see. Nothing was sent.", "Write the object of the grant. Check another object with `authz.Resource.Check`."},
		{"authz.write_encoding", []int{internalError}, "", nil, "The object could not be written as JSON.", "Read `error`: it names the field."},
		{"authz.unconfigured", []int{internalError}, "", nil, "The layer was made without `New`, the rule belongs to another policy, `PathValue` returned nothing for one of `PathNames`, or `authz.Write` was given an object of a type that `authz.Fields` has not registered.", "Read `error`."},
	}},
	{"validate", "What a request may say. `errors` has a line for each fault: see [Faults of fields](#faults-of-fields).", []refusal{
		{"validate.invalid", []int{unprocessable}, "", nil, "The schema refuses the request. The status is `Config.Status`.", "The client corrects what `errors` lists. `first` in the event is the first of these."},
		{"validate.too_complex", []int{badRequest}, "", nil, "Checking takes more steps than are allowed. `rule` names the part.", "Raise `validate.Config.MaxSteps`, or write a schema with fewer alternatives."},
		{"validate.malformed_query", []int{badRequest}, "", nil, "The query is not `name=value` pairs in UTF-8.", "The client encodes the query."},
		{"validate.malformed_path", []int{badRequest}, "", nil, "The path holds bytes that are not text.", "The client sends UTF-8."},
		{"validate.malformed_header", []int{badRequest}, "", nil, "A header field holds bytes that are not text.", "The client sends ASCII."},
		{"validate.unchecked", []int{internalError}, "", nil, "The check itself failed.", "Read `error`, and report it as a bug."},
		{"validate.unconfigured", []int{internalError}, "", nil, "The layer was made without `New`, or the route has no path value that `Config.Path` describes.", "Read `error`. Under a router that does not set `r.PathValue`, set `validate.Config.PathValue`."},
	}},
	{"sanitize", "What text may hold. `rule` in the log names the entry of the Config.", []refusal{
		{"sanitize.markup", []int{badRequest}, "", nil, "A value has markup where only text is allowed.", "The client sends plain text. The policy `sanitize.Text` removes markup and does not refuse it."},
		{"sanitize.control", []int{badRequest}, "", nil, "A value has control characters.", "The client removes them."},
		{"sanitize.bidi", []int{badRequest}, "", nil, "A value has bidirectional formatting characters.", "The client removes them."},
		{"sanitize.encoding", []int{badRequest}, "", nil, "A value is not UTF-8.", "The client sends UTF-8."},
		{"sanitize.length", []int{badRequest}, "", nil, "A value is too long to be sanitised.", "Raise the limit of the policy. `params` has the limit."},
		{"sanitize.spelling", []int{unprocessable}, "", nil, "A field is spelled in another case than in the Config.", "The client spells it as the Config does."},
		{"sanitize.suspicious", []int{badRequest}, bulwark.NoEvent, nil, "`sanitize.Config.Detect` is `DetectReject`, and a text of the request looks like an attack. There is an event `malicious_sqli` or `malicious_extraneous` for each place.",
			"Nothing, if it was an attack. Otherwise set `DetectReport`, or name the field in `DetectExcept`. `rule` and `pointer` in the log say what was found where."},
		{"sanitize.malformed_query", []int{badRequest}, "", nil, "The query is not well formed.", "The client encodes the query."},
		{"sanitize.malformed_form", []int{badRequest}, "", nil, "The form is not well formed.", "The client encodes the form."},
		{"sanitize.unconfigured", []int{internalError}, "", nil, "The layer was made without `New`.", "Make it with `New` or in a `Chain`."},
	}},
	{"ratelimit", "How many requests a caller may send. `rule` in the log is the Name of the limit.", []refusal{
		{"ratelimit.exceeded", []int{tooMany}, bulwark.ExcessRateLimitExceeded, nil, "The quota is used up. `rule` names the limit.", "The client waits for `Retry-After` seconds. `ratelimit.Config.Rate` and `Tiers` set the quota. If `ip` in the log is the address of your proxy, all clients share one quota: set `Edge.TrustedProxies` and `Edge.ForwardedHeader`."},
		{"ratelimit.overloaded", []int{unavailable}, bulwark.SysUnavailable, slog.LevelWarn, "More requests run at once than `ratelimit.Concurrency.Max` allows, and the queue is full, or the request has waited there for `MaxWait`.", "The client waits for `Retry-After` seconds. See [overload.md](overload.md)."},
		{"ratelimit.concurrent", []int{tooMany}, bulwark.ExcessRateLimitExceeded, nil, "One caller has more requests at once than `ratelimit.Concurrency.MaxPerKey` allows.", "The client waits for its answers. Otherwise raise `MaxPerKey`."},
		{"ratelimit.timeout", []int{unavailable}, bulwark.SysUnavailable, slog.LevelWarn, "The request ran for longer than `ratelimit.Concurrency.Timeout`, and its handler gave `context.Cause` to `Deny`.", "Look at what the handler waits for. A client that sends its body slowly has the same effect."},
		{"ratelimit.cost", []int{badRequest}, "", nil, "The cost of the request is below 1 or above the burst of the rate. `ratelimit.Config.Cost` returned it, or it was given to `TakeN`.", "Read `error`. The client asks for less, or the burst in `Rate` has to be larger. A cost below 1 is a mistake of the application."},
		{"ratelimit.key", []int{badRequest}, "", nil, "The `Key` found nothing in the request to count by.", "The client sends the value that the `Key` reads. If the client may leave it out, use another `Key`."},
		{"ratelimit.client_address", []int{badRequest}, "", nil, "The client has no IP address.", "Put a `bulwark.Edge` outside, with `TrustedProxies` or `TrustUnixSocket`."},
		{"ratelimit.unavailable", []int{unavailable}, "", nil, "The store of limits does not answer.", "Read `error`, and reach the store."},
		{"ratelimit.unconfigured", []int{internalError}, "", nil, "The layer was made without `New`, or a limit by caller has no auth layer outside it.", "Read `error`. Put the limit inside `auth`."},
	}},
	{"headers, headers/transport", "", []refusal{
		{"headers.report", []int{badRequest}, "", nil, "A report of a browser cannot be read.", "Nothing."},
		{"headers.method", []int{noMethod}, "", nil, "The handler does not answer this method.", "The client uses a method of `Allow`."},
		{"headers.unconfigured", []int{internalError}, "", nil, "The layer was made without `New`.", "Make it with `New` or in a `Chain`."},
		{"transport.https_required", []int{forbidden}, bulwark.InputValidationFail, nil, "The request came over plain HTTP.", "The client uses https. Behind a proxy that terminates TLS, set `Edge.TrustedProxies` and `Edge.ForwardedHeader`, and let the proxy send `X-Forwarded-Proto: https` (or `proto=https` in `Forwarded`)."},
		{"transport.misdirected", []int{misdirected}, "", nil, "The host is not one of the hosts of the redirect, or `RedirectHandler` got a request over TLS.", "Add the host to `HTTPSOnly.Hosts` or to the arguments of `RedirectHandler`."},
	}},
	{"cors", "Which origins may call. A preflight is refused with these answers. An actual request gets its answer without CORS fields, so that the page cannot read it, and the event has the same reason. With `DenyRefused` it is refused as well.", []refusal{
		{"cors.origin", []int{forbidden}, bulwark.MaliciousCORS, nil, "The origin is not one of `Config.Origins`.", "Add the origin to `Origins`."},
		{"cors.method", []int{forbidden}, bulwark.MaliciousCORS, nil, "A preflight asks for a method that is not in `Config.Methods`.", "Add the method to `Methods`. The event has it as `requestMethod`."},
		{"cors.header", []int{forbidden}, bulwark.MaliciousCORS, nil, "A preflight asks for a header that is not in `Config.Headers`.", "Add the header to `Headers`. The event has it as `requestHeader`."},
		{"cors.ambiguous", []int{badRequest}, bulwark.MaliciousCORS, nil, "The request has two origins, or two preflight fields.", "Nothing: browsers do not send such a request."},
		{"cors.unconfigured", []int{internalError}, "", nil, "The layer was made without `New`.", "Make it with `New` or in a `Chain`."},
	}},
	{"audit", "", []refusal{
		{"audit.unconfigured", []int{internalError}, "", nil, "The layer was made without `New`.", "Make it with `New` or in a `Chain`."},
	}},
}
