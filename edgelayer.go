package bulwark

import (
	"net/http"
	"net/netip"
	"strings"
)

// An EdgeLayer is a compiled [Edge]. It is made by [NewEdge]; a zero or nil
// EdgeLayer refuses every request with 500 "edge.unconfigured". It is safe for
// concurrent use.
type EdgeLayer struct {
	hosts     map[string]bool
	anyHost   bool
	baseURL   string
	proxies   []netip.Prefix
	header    string
	responder Responder
	made      bool // by NewEdge
}

// Build returns e.
func (e *EdgeLayer) Build() (Layer, error) { return e, nil }

// Kind returns [KindEdge].
func (e *EdgeLayer) Kind() Kind { return KindEdge }

// Wrap settles how each request reached the service before next sees it, or
// refuses the request.
func (e *EdgeLayer) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := e.Check(r)
		w.Header()["X-Request-Id"] = []string{RequestID(r.Context())}
		if err != nil {
			Deny(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Check settles how r reached the service, and returns the request that tells
// so, for [ClientIP], [RequestID] and the layers inside. The error is the
// refusal of r, for [Deny].
func (e *EdgeLayer) Check(r *http.Request) (*http.Request, error) {
	r, s := Enter(r)
	if e == nil || !e.made {
		return r, &ConfigError{Field: "edge", Reason: "was made without NewEdge; check the error of NewEdge"}
	}
	return r, e.settle(r, s)
}

// settle records in s how r reached the service, or says why it is refused.
func (e *EdgeLayer) settle(r *http.Request, s *Scope) error {
	s.shared.mu.Lock()
	edged, client := s.shared.arrival.edged, s.shared.arrival.clientIP
	s.shared.mu.Unlock()
	if !edged {
		var err error
		if client, err = e.arrive(r, s.shared, client); err != nil {
			return err
		}
	}
	if !client.IsValid() {
		return &Problem{Status: http.StatusBadRequest, Code: "edge.client_address",
			Detail: "The address of the client could not be determined."}
	}
	if !e.serves(r.Host) {
		return &Problem{Status: http.StatusMisdirectedRequest, Code: "edge.misdirected",
			Detail: "This server does not answer for the host in the request."}
	}
	return nil
}

// arrive settles client, TLS and id, once: a sub-request that a handler sends
// with its own context has come the way of the request around it, whatever its
// header says.
func (e *EdgeLayer) arrive(r *http.Request, rec *record, inherited netip.Addr) (netip.Addr, error) {
	client := peer(r)
	if !client.IsValid() && rec.outer != nil {
		client = inherited // a sub-request has come the way of the request around it
	}
	secure := r.TLS != nil
	requestID := ""
	var fault error
	if client.IsValid() && e.trusts(client) {
		secure = secure || allHTTPS(r.Header["X-Forwarded-Proto"])
		if ids := r.Header["X-Request-Id"]; len(ids) == 1 && wellFormedID(ids[0]) {
			requestID = ids[0]
		}
		client, fault = e.behindProxies(r, client)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	a := &rec.arrival
	if fault == nil {
		a.clientIP = client
	}
	a.secure, a.baseURL, a.edged = secure, e.baseURL, true
	if requestID != "" {
		a.requestID = requestID
	}
	if e.responder != nil {
		rec.responder = e.responder
	}
	return client, fault
}

// serves reports whether the Host is one of ours, with its port or without.
func (e *EdgeLayer) serves(host string) bool {
	if e.anyHost || e.hosts[host] {
		return true
	}
	host = strings.ToLower(host)
	name := host
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name = host[:i]
		for _, digit := range []byte(host[i+1:]) {
			if digit < '0' || digit > '9' {
				return false
			}
		}
	}
	return e.hosts[host] || e.hosts[name]
}

func (e *EdgeLayer) trusts(addr netip.Addr) bool {
	for _, prefix := range e.proxies {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
