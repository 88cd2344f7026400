package headers

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config is a [Preset] with changes. The zero Config is the strict set for an
// API. A field that is not set keeps the value of the preset.
type Config struct {
	// Preset is the set of headers to begin with: [API] for data, [HTML] for
	// pages. Default: API.
	Preset Preset
	// CSP is the Content-Security-Policy. To allow one host for scripts, set
	// DefaultSrc and ScriptSrc: see [CSP]. Default: the policy of the Preset.
	CSP CSP
	// ReportOnly is a second policy, which is sent as
	// Content-Security-Policy-Report-Only. Browsers report its violations and
	// do not enforce it. Default: none.
	ReportOnly CSP
	// Endpoints are the places to which browsers send reports. A key is a name
	// that the field ReportTo of a [CSP] uses, and a value is a URL, such as
	// {"csp": "/reports/csp"}. The URL is https, or a path of the service
	// itself. The endpoints are sent as Reporting-Endpoints, over TLS only,
	// because browsers ignore the header elsewhere. A [ReportsHandler] receives
	// the reports. Default: none.
	Endpoints map[string]string
	// HSTS is Strict-Transport-Security. Default: one year with all subdomains.
	HSTS HSTS
	// CacheControl is the Cache-Control of answers whose handler does not set
	// the header, such as "private, max-age=60". If a policy has a nonce,
	// CacheControl must have private or no-store. A handler that has asked for
	// the [Nonce] must not let shared caches store the page. If it does,
	// CacheControl replaces the value of the handler. Default: no-store.
	CacheControl string
	// EmbedderPolicy is Cross-Origin-Embedder-Policy: require-corp or
	// credentialless. It may name one of the Endpoints:
	//
	//	EmbedderPolicy: `require-corp; report-to="coep"`,
	//
	// With require-corp, New refuses a CSP that allows images, media, styles or
	// scripts of every host, because browsers block what those hosts send.
	// Default: none for API, require-corp for HTML.
	EmbedderPolicy string
	// EmbedderReportOnly is Cross-Origin-Embedder-Policy-Report-Only. Browsers
	// report its violations and do not enforce it. Default: none.
	EmbedderReportOnly string
	// OpenerPolicy is Cross-Origin-Opener-Policy: same-origin,
	// same-origin-allow-popups or noopener-allow-popups. It may name one of the
	// Endpoints, as EmbedderPolicy may. Default: none for API, same-origin for
	// HTML.
	OpenerPolicy string
	// OpenerReportOnly is Cross-Origin-Opener-Policy-Report-Only. Browsers
	// report its violations and do not enforce it. Default: none.
	OpenerReportOnly string
	// ResourcePolicy is Cross-Origin-Resource-Policy: same-origin, same-site or
	// cross-origin. It decides which pages may embed an answer. Package cors
	// decides which pages may read an answer. Default: same-origin.
	ResourcePolicy string
	// AgentCluster is Origin-Agent-Cluster: ?1 or ?0. With ?1 the browser keeps
	// the page apart from pages of other origins of the same site. Default:
	// none.
	AgentCluster string
	// PermissionsPolicy is Permissions-Policy. It may name one of the
	// Endpoints:
	//
	//	PermissionsPolicy: "camera=(), geolocation=self, usb=();report-to=usb",
	//
	// Default: none for API. Default for HTML: a list that denies almost every
	// feature, see [HTML].
	PermissionsPolicy string
	// PermissionsReportOnly is Permissions-Policy-Report-Only. Browsers report
	// its violations and do not enforce it. Default: none.
	PermissionsReportOnly string
	// ReferrerPolicy is Referrer-Policy. New refuses a policy that shows full
	// URLs to other sites. Default: no-referrer for API, same-origin for HTML.
	ReferrerPolicy string
	// FrameOptions is X-Frame-Options: DENY or SAMEORIGIN. Browsers that know
	// the directive frame-ancestors ignore X-Frame-Options if the policy has
	// the directive. If the CSP has no FrameAncestors, SAMEORIGIN also sets
	// FrameAncestors to 'self'. Default: DENY.
	FrameOptions string
	// Legacy are headers that current browsers ignore. Default: none.
	Legacy Legacy
	// FromHandler are names of headers that the handler may add. A reverse
	// proxy adds the headers of its upstream beside those of this layer. For a
	// header in this list, the added value goes out. For any other header, the
	// value of this layer goes out. Cache-Control is always in the list.
	// Default: none.
	FromHandler []string
	// InsecureSharedNonce accepts a CacheControl, and a Cache-Control of a
	// handler, that lets shared caches store a page with its nonce. Such a
	// cache serves the same nonce to everybody, so that an attacker who injects
	// a script knows it. Default: false.
	InsecureSharedNonce bool
	// InsecureOmit are names of headers that are not sent, although the preset
	// has them. Default: none.
	InsecureOmit []string
}

// Legacy are headers for old browsers and plug-ins. Scanners still ask for
// them.
type Legacy struct {
	// DNSPrefetchControl is X-DNS-Prefetch-Control: off or on. Default: none.
	DNSPrefetchControl string
	// DownloadOptions is X-Download-Options: noopen. Default: none.
	DownloadOptions string
	// CrossDomainPolicies is X-Permitted-Cross-Domain-Policies: none,
	// master-only, by-content-type or by-ftp-filename. Default: none.
	CrossDomainPolicies string
	// XSSProtection is X-XSS-Protection: 0. New refuses the value 1, because
	// attackers can use the filter that it switches on. Default: none.
	XSSProtection string
}

// Build is New, for a Chain.
func (c Config) Build() (bulwark.Layer, error) {
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// New checks the Config and returns the layer. Every mistake is reported at
// once, each as a [*bulwark.ConfigError].
func New(c Config) (*Middleware, error) {
	faults := fault.In("headers")
	preset, ok := c.Preset.set()
	if !ok {
		faults.Add("Preset", c.Preset.String(), "is not a preset; write headers.API or headers.HTML")
		return nil, faults.Err()
	}
	m := &compiled{exceptLoopback: c.HSTS.ExceptLoopback}
	values := c.values(preset.values, faults)
	values[transportSecurity] = c.HSTS.compile(faults)
	values[reportingEndpoints] = c.endpoints(faults)

	csp := c.policy(preset)
	m.csp = csp.compile("CSP", false, c.Endpoints, faults)
	if !c.ReportOnly.unset() {
		m.reportOnly = c.ReportOnly.compile("ReportOnly", true, c.Endpoints, faults)
	}
	c.omit(m, &values, faults)
	m.handlers = c.fromHandler(values, m, faults)
	c.checkEmbedding(csp, m, values[embedderPolicy], faults)
	m.nonce = m.csp.hasNonce() || m.reportOnly.hasNonce()
	if reason := sharedFault(values[cacheControl]); m.nonce && reason != "" && values[cacheControl] != "" && !c.InsecureSharedNonce {
		faults.Add("CacheControl", values[cacheControl], reason+"; write \"private, no-cache\", or set InsecureSharedNonce")
	}
	m.private = m.nonce && values[cacheControl] != "" && !c.InsecureSharedNonce
	if err := faults.Err(); err != nil {
		return nil, err
	}
	m.hsts = values[transportSecurity]
	m.endpoints = values[reportingEndpoints]
	for f, value := range values {
		if value != "" && field(f) != transportSecurity && field(f) != reportingEndpoints {
			m.static = append(m.static, entry{field(f), value})
		}
	}
	return &Middleware{m}, nil
}

// policy returns the policy to enforce: the policy of the preset, or the policy
// of the Config completed with lists of the preset.
func (c *Config) policy(preset set) CSP {
	csp := c.CSP
	if csp.bare() {
		csp = csp.over(preset.csp)
	} else {
		csp = csp.completed(preset.rest)
	}
	if c.FrameOptions == "SAMEORIGIN" && len(c.CSP.FrameAncestors) == 0 {
		csp.FrameAncestors = []string{"'self'"}
	}
	return csp
}

// values returns the values of the preset, replaced by those of the Config.
func (c *Config) values(values [fields]string, faults *fault.List) [fields]string {
	for _, own := range []struct {
		field       field
		path, value string
		reason      func(string) string
	}{
		{cacheControl, "CacheControl", c.CacheControl, cacheFault},
		{embedderPolicy, "EmbedderPolicy", c.EmbedderPolicy, embedderFault},
		{embedderReportOnly, "EmbedderReportOnly", c.EmbedderReportOnly, embedderFault},
		{openerPolicy, "OpenerPolicy", c.OpenerPolicy, openerFault},
		{openerReportOnly, "OpenerReportOnly", c.OpenerReportOnly, openerFault},
		{resourcePolicy, "ResourcePolicy", c.ResourcePolicy, resourceFault},
		{agentCluster, "AgentCluster", c.AgentCluster, clusterFault},
		{permissionsPolicy, "PermissionsPolicy", c.PermissionsPolicy, permissionsFault},
		{permissionsReportOnly, "PermissionsReportOnly", c.PermissionsReportOnly, permissionsFault},
		{referrerPolicy, "ReferrerPolicy", c.ReferrerPolicy, referrerFault},
		{frameOptions, "FrameOptions", c.FrameOptions, frameFault},
		{dnsPrefetchControl, "Legacy.DNSPrefetchControl", c.Legacy.DNSPrefetchControl, prefetchFault},
		{downloadOptions, "Legacy.DownloadOptions", c.Legacy.DownloadOptions, downloadFault},
		{crossDomainPolicies, "Legacy.CrossDomainPolicies", c.Legacy.CrossDomainPolicies, crossDomainFault},
		{xssProtection, "Legacy.XSSProtection", c.Legacy.XSSProtection, xssFault},
	} {
		if own.value == "" {
			continue
		}
		if reason := own.reason(own.value); reason != "" {
			faults.Add(own.path, own.value, reason)
		} else if name := c.unknownEndpoint(own.field, own.value); name != "" {
			faults.Add(own.path, own.value, "reports to "+name+", which is not a name in Endpoints; add it there with its URL")
		}
		values[own.field] = own.value
	}
	return values
}

// omit removes the headers that InsecureOmit names.
func (c *Config) omit(m *compiled, values *[fields]string, faults *fault.List) {
	for i, name := range c.InsecureOmit {
		path := fmt.Sprintf("InsecureOmit[%d]", i)
		f, known := fieldNamed(name)
		sent := known && m.sends(f, values)
		switch {
		case !known:
			faults.Add(path, name, unknownHeader)
		case !sent:
			faults.Add(path, http.CanonicalHeaderKey(name), "is not sent anyway, or is in the list twice; remove it")
		case f == securityPolicy:
			m.csp = policy{}
		case f == policyReportOnly:
			m.reportOnly = policy{}
		default:
			values[f] = ""
		}
	}
}

var unknownHeader = "is not a header of this package; write one of " + strings.Join(names[:], ", ")

// sends reports whether a header is sent. Until New is done the policies are
// not among the values.
func (m *compiled) sends(f field, values *[fields]string) bool {
	switch f {
	case securityPolicy:
		return m.csp.sent()
	case policyReportOnly:
		return m.reportOnly.sent()
	}
	return values[f] != ""
}

// fromHandler returns the headers that are left to the handler.
func (c *Config) fromHandler(values [fields]string, m *compiled, faults *fault.List) mask {
	left := mask(1 << cacheControl)
	for i, name := range c.FromHandler {
		f, known := fieldNamed(name)
		switch {
		case !known:
			faults.AddAt("FromHandler", i, name, unknownHeader)
		case !m.sends(f, &values):
			faults.AddAt("FromHandler", i, name, "is not sent by this layer, so that the value of the handler goes out anyway; remove it")
		default:
			left |= 1 << f
		}
	}
	return left
}
