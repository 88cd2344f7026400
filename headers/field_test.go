package headers_test

import (
	"testing"

	"github.com/bulwark-go/bulwark/headers"
)

// Each header that helmet 8 sets has a field.
func TestHelmetsHeaders(t *testing.T) {
	got := get(t, "https://a.example/", nothing, headers.Config{
		CSP: headers.CSP{DefaultSrc: list("'self'"), BaseURI: list("'self'"), FontSrc: list("'self'", "https:", "data:"), FormAction: list("'self'"),
			FrameAncestors: list("'self'"), ImgSrc: list("'self'", "data:"), ObjectSrc: list("'none'"), ScriptSrc: list("'self'"), ScriptSrcAttr: list("'none'"),
			StyleSrc: list("'self'", "https:", "'unsafe-inline'"), InsecureInlineStyle: true, UpgradeInsecureRequests: true},
		EmbedderPolicy: "credentialless",
		OpenerPolicy:   "same-origin",
		AgentCluster:   "?1",
		FrameOptions:   "SAMEORIGIN",
		Legacy:         headers.Legacy{DNSPrefetchControl: "off", DownloadOptions: "noopen", CrossDomainPolicies: "none", XSSProtection: "0"},
	})
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'self'; script-src 'self'; script-src-attr 'none'; style-src 'self' https: 'unsafe-inline'; img-src 'self' data:; " +
			"font-src 'self' https: data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; upgrade-insecure-requests",
		"Cross-Origin-Embedder-Policy":      "credentialless",
		"Cross-Origin-Opener-Policy":        "same-origin",
		"Cross-Origin-Resource-Policy":      "same-origin",
		"Origin-Agent-Cluster":              "?1",
		"Referrer-Policy":                   "no-referrer",
		"Strict-Transport-Security":         "max-age=31536000; includeSubDomains",
		"X-Content-Type-Options":            "nosniff",
		"X-DNS-Prefetch-Control":            "off",
		"X-Download-Options":                "noopen",
		"X-Frame-Options":                   "SAMEORIGIN",
		"X-Permitted-Cross-Domain-Policies": "none",
		"X-XSS-Protection":                  "0",
	} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
}

func TestReportOnlyHeaders(t *testing.T) {
	got := get(t, "https://a.example/", nothing, headers.Config{
		Endpoints:             map[string]string{"iso": "/r"},
		EmbedderPolicy:        `credentialless; report-to="iso"`,
		EmbedderReportOnly:    `require-corp;report-to="iso"`,
		OpenerPolicy:          `same-origin; report-to="iso"`,
		OpenerReportOnly:      "noopener-allow-popups",
		PermissionsPolicy:     "camera=()",
		PermissionsReportOnly: "usb=();report-to=iso",
	})
	for name, want := range map[string]string{
		"Cross-Origin-Embedder-Policy":             `credentialless; report-to="iso"`,
		"Cross-Origin-Embedder-Policy-Report-Only": `require-corp;report-to="iso"`,
		"Cross-Origin-Opener-Policy":               `same-origin; report-to="iso"`,
		"Cross-Origin-Opener-Policy-Report-Only":   "noopener-allow-popups",
		"Permissions-Policy":                       "camera=()",
		"Permissions-Policy-Report-Only":           "usb=();report-to=iso",
	} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
}

func TestFieldFaults(t *testing.T) {
	ends := map[string]string{"csp": "/r"}
	for _, test := range []struct {
		name   string
		config headers.Config
		field  string
	}{
		{"embedder_unknown_endpoint", headers.Config{Endpoints: ends, EmbedderPolicy: `require-corp; report-to="coep"`}, "EmbedderPolicy"},
		{"embedder_other_parameter", headers.Config{EmbedderPolicy: "require-corp; x=1"}, "EmbedderPolicy"},
		{"embedder_unquoted", headers.Config{EmbedderPolicy: "require-corp; report-to=coep"}, "EmbedderPolicy"},
		{"embedder_half_quoted", headers.Config{EmbedderPolicy: `require-corp; report-to="coep`}, "EmbedderPolicy"},
		{"embedder_report_only", headers.Config{EmbedderReportOnly: "unsafe-none"}, "EmbedderReportOnly"},
		{"opener_unknown_endpoint", headers.Config{Endpoints: ends, OpenerPolicy: `same-origin; report-to="coop"`}, "OpenerPolicy"},
		{"opener_report_only", headers.Config{OpenerReportOnly: "x"}, "OpenerReportOnly"},
		{"permissions_unknown_endpoint", headers.Config{Endpoints: ends, PermissionsPolicy: "camera=();report-to=x, usb=()"}, "PermissionsPolicy"},
		{"permissions_report_only", headers.Config{PermissionsReportOnly: "camera"}, "PermissionsReportOnly"},
		{"cluster", headers.Config{AgentCluster: "1"}, "AgentCluster"},
		{"prefetch", headers.Config{Legacy: headers.Legacy{DNSPrefetchControl: "no"}}, "Legacy.DNSPrefetchControl"},
		{"download", headers.Config{Legacy: headers.Legacy{DownloadOptions: "open"}}, "Legacy.DownloadOptions"},
		{"cross_domain", headers.Config{Legacy: headers.Legacy{CrossDomainPolicies: "all"}}, "Legacy.CrossDomainPolicies"},
		{"cross_domain_unknown", headers.Config{Legacy: headers.Legacy{CrossDomainPolicies: "x"}}, "Legacy.CrossDomainPolicies"},
		{"xss", headers.Config{Legacy: headers.Legacy{XSSProtection: "1; mode=block"}}, "Legacy.XSSProtection"},
		{"xss_unknown", headers.Config{Legacy: headers.Legacy{XSSProtection: "x"}}, "Legacy.XSSProtection"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := headers.New(test.config)
			if fault := find(err, "headers."+test.field); m != nil || fault == nil || fault.Reason == "" {
				t.Errorf("got %v, %v; want an error at %s", m, err, test.field)
			}
		})
	}
}

func TestNitHeadersPermissionsPolicy(t *testing.T) {
	for _, value := range []string{
		"camera=self", "camera=();report-to=x", "camera=*", `camera="https://a.example"`, "camera=self;report-to=x", `camera=(self "https://a.example");report-to="x"`,
		"camera=(); report-to=x, usb=src", "camera=*;report-to=x",
	} {
		if got := get(t, "https://a.example/", nothing, headers.Config{PermissionsPolicy: value}).Get("Permissions-Policy"); got != value {
			t.Errorf("%q is sent as %q", value, got)
		}
	}
	for _, value := range []string{
		"camera", "camera=", "camera=none", "camera='self'", "camera=self self", "camera=https://a.example", "camera=(self", "camera=self)", "camera=();x=y",
		"camera=();report-to=", "camera=();report-to=a b", "camera=();report-to", `camera=();report-to="x`, "camera=();report-to=x;y=z", "camera=;report-to=x", "camera=?1",
	} {
		if _, err := headers.New(headers.Config{PermissionsPolicy: value}); find(err, "headers.PermissionsPolicy") == nil {
			t.Errorf("%q is accepted: %v", value, err)
		}
	}
}
