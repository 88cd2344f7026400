package bulwark

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark/internal/logtext"
)

// An EventName names a security event, in the words of the OWASP logging
// vocabulary where that has one.
type EventName string

// The events that this module reports or that an application is likely to.
const (
	AuthnLoginSuccess          EventName = "authn_login_success"
	AuthnLoginSuccessAfterFail EventName = "authn_login_successafterfail"
	AuthnLoginFail             EventName = "authn_login_fail"
	AuthnLoginFailMax          EventName = "authn_login_fail_max"
	AuthnTokenCreated          EventName = "authn_token_created"
	AuthnTokenRevoked          EventName = "authn_token_revoked"
	AuthnTokenReuse            EventName = "authn_token_reuse"
	AuthnImpossibleTravel      EventName = "authn_impossible_travel"
	AuthzFail                  EventName = "authz_fail"
	AuthzAdmin                 EventName = "authz_admin"
	ExcessRateLimitExceeded    EventName = "excess_rate_limit_exceeded"
	InputValidationFail        EventName = "input_validation_fail"
	MaliciousSQLi              EventName = "malicious_sqli"
	MaliciousExtraneous        EventName = "malicious_extraneous"
	MaliciousAttackTool        EventName = "malicious_attack_tool"
	MaliciousCORS              EventName = "malicious_cors"
	MaliciousCSRF              EventName = "malicious_csrf"
	MaliciousCSPViolation      EventName = "malicious_csp_violation"
	MaliciousDirectReference   EventName = "malicious_direct_reference"
	MaliciousExcess404         EventName = "malicious_excess_404"
	SessionCreated             EventName = "session_created"
	SessionRenewed             EventName = "session_renewed"
	SessionExpired             EventName = "session_expired"
	SessionUseAfterExpire      EventName = "session_use_after_expire"
	SysMonitorDisabled         EventName = "sys_monitor_disabled"
	SysMonitorEnabled          EventName = "sys_monitor_enabled"

	// Names of this module's own, where the vocabulary has none.

	AuthnTokenInvalid       EventName = "authn_token_invalid"
	AuthnCredentialStuffing EventName = "authn_credential_stuffing"
	AuthnPasswordSpray      EventName = "authn_password_spray"
	AuthnKeyStale           EventName = "authn_key_stale"
	SysUnavailable          EventName = "sys_unavailable"
	AuditGap                EventName = "audit_gap"
)

// severity is the level of an event that names none.
func (n EventName) severity() slog.Level {
	switch n {
	case AuthnLoginSuccess, AuthnTokenCreated, AuthnTokenRevoked, AuthzAdmin,
		SessionCreated, SessionRenewed, SessionExpired, SysMonitorEnabled:
		return slog.LevelInfo
	case AuthnTokenReuse, SysUnavailable, SysMonitorDisabled, AuditGap, AuthnImpossibleTravel:
		return slog.LevelError
	}
	return slog.LevelWarn
}

// An Event is one security event. Only Name is for the reporter to choose, and
// whatever the request cannot tell; [Report] fills in the rest from the request
// and makes every text safe to log. Fields that are set already are kept.
type Event struct {
	Name     EventName  // what happened
	Severity slog.Level // zero chooses by Name; slog.LevelInfo is zero, too
	Time     time.Time  // UTC
	ClientIP netip.Addr // see [ClientIP]
	Issuer   string     // of the caller, beside UserID
	UserID   string     // the caller's Subject, empty for an anonymous one
	Method   string     // a method of RFC 9110 or 5789, or "_OTHER"
	Path     string     // at most 256 bytes
	Route    string     // the pattern that matched
	Status   int        // of the refusal, 0 where the event is none
	// RequestID is the id in the problem's instance and in X-Request-Id.
	RequestID string
	TraceID   string // W3C trace context, 32 hexadecimal digits
	SpanID    string // and 16
	Reason    string // why: the problem's code, or something more exact
	Rule      string // the configured rule, limit or policy
	Count     int    // how many occurrences this record stands for; 0 is one
	// Attrs are further attributes; those without a key are left out. String
	// values are cut at 256 bytes.
	Attrs [4]slog.Attr
}

// A Recorder takes security events. Record must not block and must be safe for
// concurrent use.
type Recorder interface {
	Record(ctx context.Context, e Event)
}

// Report sends a security event of r to the recorder that the audit layer has
// installed. Time, client, caller, method, path, route and ids are filled in
// from the request. Without an audit layer the event goes to [slog.Default]:
// nothing refused is ever silent.
//
// Every call is an event: one request may carry a hundred login guesses.
func Report(r *http.Request, e Event) {
	s := scopeOf(r.Context())
	if s == nil {
		r, s = Enter(r)
	}
	s.Describe(r, &e)
	s.counted(e.Name, e.Severity >= slog.LevelWarn)
	s.mu.Lock()
	recorder := s.recorder
	s.mu.Unlock()
	if recorder == nil {
		logged{}.Record(r.Context(), e)
		return
	}
	recorder.Record(r.Context(), e)
}

// Describe fills in the fields of e that are still open from the request, and
// makes all its texts safe to log.
func (s *Scope) Describe(r *http.Request, e *Event) {
	if !e.ClientIP.IsValid() {
		e.ClientIP = s.ClientIP()
	}
	if caller, ok := PrincipalFrom(r.Context()); ok && e.UserID == "" {
		e.Issuer, e.UserID = caller.Issuer, caller.Subject
	}
	if e.Method == "" {
		e.Method = knownMethod(r.Method)
	}
	if e.Path == "" && r.URL != nil {
		e.Path = r.URL.Path
	}
	if e.Route == "" {
		e.Route = s.Route()
	}
	if e.Route == "" {
		e.Route = r.Pattern
	}
	if e.RequestID == "" {
		e.RequestID = s.RequestID()
	}
	if e.TraceID == "" {
		e.TraceID, e.SpanID = s.Trace()
	}
	e.Sanitize()
}

// Sanitize fills in Severity and Time where they are open, and escapes and
// shortens every text that may come from outside. [Report] does it; it is for
// recorders that take events from elsewhere. Twice does no harm.
func (e *Event) Sanitize() {
	if e.Severity == 0 {
		e.Severity = e.Name.severity()
	}
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	for _, text := range []*string{&e.Issuer, &e.UserID, &e.Method, &e.Path, &e.Route,
		&e.RequestID, &e.TraceID, &e.SpanID, &e.Reason, &e.Rule} {
		*text = logtext.Clip(*text, maxText)
	}
	for i := range e.Attrs {
		if e.Attrs[i].Key == "" {
			continue
		}
		value := resolve(e.Attrs[i].Value, 4)
		switch value.Kind() {
		case slog.KindString, slog.KindAny, slog.KindGroup:
			value = slog.StringValue(logtext.Clip(value.String(), maxText))
		}
		e.Attrs[i] = slog.Attr{Key: logtext.Clip(e.Attrs[i].Key, 64), Value: value}
	}
}

// resolve returns value with every LogValuer in it resolved: text of a group would
// otherwise show what the LogValuer hides.
func resolve(value slog.Value, depth int) slog.Value {
	value = value.Resolve()
	if value.Kind() != slog.KindGroup {
		return value
	}
	if depth == 0 {
		return slog.StringValue("[nested too deep]")
	}
	attrs := slices.Clone(value.Group())
	for i := range attrs {
		attrs[i].Value = resolve(attrs[i].Value, depth-1)
	}
	return slog.GroupValue(attrs...)
}

// AppendAttrs appends the event as log attributes in the standard shape: type,
// event, timestamp, ip, userId, path and method always and first, then whatever
// else is known.
func (e Event) AppendAttrs(attrs []slog.Attr) []slog.Attr {
	ip := ""
	if e.ClientIP.IsValid() {
		ip = e.ClientIP.String()
	}
	attrs = append(attrs,
		slog.String("type", "security"),
		slog.String("event", string(e.Name)),
		slog.String("timestamp", e.Time.UTC().Format(time.RFC3339Nano)),
		slog.String("ip", ip),
		slog.String("userId", e.UserID),
		slog.String("path", e.Path),
		slog.String("method", e.Method),
	)
	for _, more := range [...]struct{ key, value string }{
		{"issuer", e.Issuer}, {"route", e.Route}, {"reason", e.Reason}, {"rule", e.Rule},
		{"requestId", e.RequestID}, {"traceId", e.TraceID}, {"spanId", e.SpanID},
	} {
		if more.value != "" {
			attrs = append(attrs, slog.String(more.key, more.value))
		}
	}
	if e.Status != 0 {
		attrs = append(attrs, slog.Int("status", e.Status))
	}
	if e.Count > 1 {
		attrs = append(attrs, slog.Int("count", e.Count))
	}
	for _, attr := range e.Attrs {
		if attr.Key != "" {
			attrs = append(attrs, attr)
		}
	}
	return attrs
}

// logged is the recorder of last resort.
type logged struct{}

func (logged) Record(ctx context.Context, e Event) {
	var room [20]slog.Attr
	// Never below WARN: without an audit layer nobody has chosen a level yet,
	// and a default logger may drop what is lower.
	slog.Default().LogAttrs(ctx, max(e.Severity, slog.LevelWarn), "security event", e.AppendAttrs(room[:0])...)
}

// maxText bounds every text in an event, in bytes.
const maxText = 256

// knownMethod keeps what a client invents out of logs and metrics.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	case "":
		return http.MethodGet // net/http's client side meaning of an empty method
	}
	return "_OTHER"
}
