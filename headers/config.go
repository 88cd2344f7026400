package headers

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config departs from a preset. The zero Config is the strict set for an API.
type Config struct {
	// Preset is the set to begin with. Default: [API].
	Preset Preset
	// CSP is the Content-Security-Policy. Default: that of the Preset, see
	// [CSP].
	CSP CSP
	// ReportOnly is a second policy beside it, which is sent as
	// Content-Security-Policy-Report-Only. Browsers report its violations and
	// do not enforce it. Default: none.
	ReportOnly CSP
	// Endpoints are where browsers send reports: names, which ReportTo of a
	// policy uses, and URLs. A URL is https or a path of the service itself.
	// They are sent as Reporting-Endpoints, over TLS only, where browsers heed
	// it. A [ReportsHandler] receives the reports. Default: none.
	Endpoints map[string]string
	// HSTS is Strict-Transport-Security. Default: one year with all subdomains.
	HSTS HSTS
	// CacheControl is Cache-Control for answers whose handler does not set it,
	// such as "private, max-age=60". Default: no-store.
	CacheControl string
	// EmbedderPolicy is Cross-Origin-Embedder-Policy: require-corp or
	// credentialless. Default: none for API, require-corp for HTML.
	EmbedderPolicy string
	// OpenerPolicy is Cross-Origin-Opener-Policy: same-origin,
	// same-origin-allow-popups or noopener-allow-popups. Default: none for API,
	// same-origin for HTML.
	OpenerPolicy string
	// ResourcePolicy is Cross-Origin-Resource-Policy: same-origin, same-site or
	// cross-origin. It is about pages that embed an answer; package cors is
	// about pages that read it. Default: same-origin.
	ResourcePolicy string
	// PermissionsPolicy is Permissions-Policy, such as
	// "camera=(), geolocation=(self)". Default: none for API; for HTML a list
	// that allows next to nothing, see [HTML].
	PermissionsPolicy string
	// ReferrerPolicy is Referrer-Policy. A policy that tells other sites full
	// URLs is refused. Default: no-referrer for API, same-origin for HTML.
	ReferrerPolicy string
	// FrameOptions is X-Frame-Options: DENY or SAMEORIGIN. Browsers that know
	// frame-ancestors ignore it where the policy has frame-ancestors. Default:
	// DENY.
	FrameOptions string
	// InsecureOmit are names of headers that are not sent, although the preset
	// has them. Default: none.
	InsecureOmit []string
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
		faults.Add("Preset", c.Preset.String(), "is no preset; use API or HTML")
		return nil, faults.Err()
	}
	m := &compiled{exceptLoopback: c.HSTS.ExceptLoopback}
	values := c.values(preset.values, faults)
	values[transportSecurity] = c.HSTS.compile(faults)
	values[reportingEndpoints] = c.endpoints(faults)

	csp := c.CSP
	if csp.bare() {
		csp = csp.over(preset.csp)
	}
	m.csp = csp.compile("CSP", false, c.Endpoints, faults)
	if !c.ReportOnly.unset() {
		m.reportOnly = c.ReportOnly.compile("ReportOnly", true, c.Endpoints, faults)
	}
	c.omit(m, &values, faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	m.hsts = values[transportSecurity]
	m.endpoints = values[reportingEndpoints]
	m.cacheControl = values[cacheControl]
	m.nonce = m.csp.hasNonce() || m.reportOnly.hasNonce()
	for f, value := range values {
		if value != "" && field(f) != transportSecurity && field(f) != reportingEndpoints {
			m.static = append(m.static, entry{field(f), value})
		}
	}
	return &Middleware{m}, nil
}

// values returns those of the preset with those of the Config in their place.
func (c *Config) values(values [fields]string, faults *fault.List) [fields]string {
	for _, own := range []struct {
		field       field
		path, value string
		reason      func(string) string
	}{
		{cacheControl, "CacheControl", c.CacheControl, cacheFault},
		{embedderPolicy, "EmbedderPolicy", c.EmbedderPolicy, embedderFault},
		{openerPolicy, "OpenerPolicy", c.OpenerPolicy, openerFault},
		{resourcePolicy, "ResourcePolicy", c.ResourcePolicy, resourceFault},
		{permissionsPolicy, "PermissionsPolicy", c.PermissionsPolicy, permissionsFault},
		{referrerPolicy, "ReferrerPolicy", c.ReferrerPolicy, referrerFault},
		{frameOptions, "FrameOptions", c.FrameOptions, frameFault},
	} {
		if own.value == "" {
			continue
		}
		if reason := own.reason(own.value); reason != "" {
			faults.Add(own.path, own.value, reason)
		}
		values[own.field] = own.value
	}
	return values
}

// omit takes out what InsecureOmit names.
func (c *Config) omit(m *compiled, values *[fields]string, faults *fault.List) {
	for i, name := range c.InsecureOmit {
		path := fmt.Sprintf("InsecureOmit[%d]", i)
		f, known := fieldNamed(name)
		sent := known && (values[f] != "" || f == securityPolicy && m.csp.sent() || f == policyReportOnly && m.reportOnly.sent())
		switch {
		case !known:
			faults.Add(path, name, "is no header of this package; the names are "+strings.Join(names[:], ", "))
		case !sent:
			faults.Add(path, http.CanonicalHeaderKey(name), "is not sent anyway, or stands in the list twice")
		case f == securityPolicy:
			m.csp = policy{}
		case f == policyReportOnly:
			m.reportOnly = policy{}
		default:
			values[f] = ""
		}
	}
}
