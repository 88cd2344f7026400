package bulwark

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/bulwark-go/bulwark/internal/nat64"
	"github.com/bulwark-go/bulwark/internal/response"
)

// An EdgeLayer is a compiled [Edge]. Make it with [NewEdge]: a zero or nil
// EdgeLayer refuses every request with 500 "edge.unconfigured". It is safe for
// concurrent use.
type EdgeLayer struct {
	hosts       hosts
	baseURL     string
	proxies     []netip.Prefix
	trustUnix   bool
	certProxies []netip.Prefix // that forward certificates
	certUnix    bool
	header      string // canonical
	requestID   func(*http.Request) string
	responder   Responder
	made        bool // by NewEdge
}

// Build returns e.
func (e *EdgeLayer) Build() (Layer, error) { return e, nil }

// Kind returns [KindEdge].
func (e *EdgeLayer) Kind() Kind { return KindEdge }

// Wrap settles how each request reached the service, and then calls next. A
// refused request does not reach next.
func (e *EdgeLayer) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := e.Check(r)
		_, s := Enter(r)
		line := (*idLine)(s.shared)
		w, watch := response.Of(w)
		line.set(w.Header())
		watch.BeforeHeader(line)
		if err != nil {
			Deny(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
		if !watch.Started() {
			line.set(w.Header()) // of an answer that nobody has written
		}
	})
}

// An idLine keeps the X-Request-Id of an answer to one line, the one of Edge. A
// handler that copies the answer of another service may have copied another id.
type idLine record

// BeforeHeader implements response.Hook.
func (l *idLine) BeforeHeader(h http.Header, _ int) { l.set(h) }

// BeforeInformation implements response.Informer.
func (l *idLine) BeforeInformation(h http.Header) { l.set(h) }

func (l *idLine) set(h http.Header) {
	rec := (*record)(l)
	rec.mu.Lock()
	id := rec.arrival.id()
	rec.mu.Unlock()
	for name := range h {
		if len(name) == len(requestIDField) && name != requestIDField && strings.EqualFold(name, requestIDField) {
			delete(h, name) // written past the methods of http.Header
		}
	}
	if lines := h[requestIDField]; len(lines) != 1 || lines[0] != id {
		h[requestIDField] = []string{id}
	}
}

const requestIDField = "X-Request-Id"

// Check decides like [EdgeLayer.Wrap], and does not answer. It returns the
// request to pass on, for [ClientIP], [RequestID] and the layers inside. The
// error is the refusal of r, for [Deny].
func (e *EdgeLayer) Check(r *http.Request) (*http.Request, error) {
	r, s := Enter(r)
	if e == nil || !e.made {
		return r, &ConfigError{Field: "edge", Reason: "was made without NewEdge; check the error of NewEdge"}
	}
	return r, e.settle(r, s)
}

// The log has these errors beside the code of a refusal that a field of Edge
// decides.
var (
	errNoAddress = errors.New("the peer has no IP address and no proxy named one; " +
		"for a Unix socket set bulwark.Edge.TrustUnixSocket and ForwardedHeader")
	errNotServed = errors.New("the Host is not in bulwark.Edge.Hosts; " +
		"a health check by address needs HealthPaths and HealthHosts")
	errNotAddresses = errors.New("the header named in bulwark.Edge.ForwardedHeader holds something that is not an address, " +
		"or more addresses than the proxy may send in it")
)

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
		return &Problem{Status: http.StatusBadRequest, Code: "edge.client_address", Err: errNoAddress,
			Detail: "The address of the client could not be determined."}
	}
	if !targetFits(r) {
		return &Problem{Status: http.StatusBadRequest, Code: "edge.request_target",
			Detail: "The target of the request is not a path of the host that it names."}
	}
	named := e.hosts.serve(r, s.Secure())
	if !named && !e.hosts.probed(r) {
		return &Problem{Status: http.StatusMisdirectedRequest, Code: "edge.misdirected", Err: errNotServed,
			Detail: "This server does not answer for the host in the request."}
	}
	if named && !edged && !e.hosts.any {
		s.shared.mu.Lock()
		defer s.shared.mu.Unlock()
		s.shared.arrival.host = r.Host
	}
	return nil
}

// arrive settles client, TLS and id, once. A sub-request that a handler sends
// with its own context came like the request around it, whatever its header
// says.
func (e *EdgeLayer) arrive(r *http.Request, rec *record, inherited netip.Addr) (netip.Addr, error) {
	direct := peer(r)
	trusted := direct.IsValid() && within(e.proxies, direct) || e.trustUnix && overUnixSocket(r)
	if !direct.IsValid() && rec.outer != nil {
		direct = inherited // a sub-request has come the way of the request around it
		trusted = trusted || within(e.proxies, direct)
	}
	client, secure, requestID := nat64.Client(direct), r.TLS != nil, ""
	var fault error
	if trusted {
		if ids := r.Header[requestIDField]; len(ids) == 1 && wellFormedID(ids[0]) {
			requestID = ids[0]
		}
		var tls bool
		client, tls, fault = e.behindProxies(r, direct)
		secure = secure || tls
	}
	if e.requestID != nil {
		if id := e.requestID(r); wellFormedID(id) {
			requestID = id
		}
	}
	certs, badCert := e.certified(r, rec, direct)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	a := &rec.arrival
	if fault == nil {
		a.clientIP, fault = client, badCert
	}
	a.secure, a.baseURL, a.certs, a.edged = secure, e.baseURL, certs, true
	if requestID != "" {
		a.requestID = requestID
	}
	if e.responder != nil {
		rec.responder = e.responder
	}
	return client, fault
}
