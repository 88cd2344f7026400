package headers_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/headers"
)

// directivesOf splits a policy as browsers do.
func directivesOf(policy string) map[string]string {
	found := map[string]string{}
	for directive := range strings.SplitSeq(policy, ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(directive), " ")
		found[name] = sources
	}
	return found
}

func enforced(t *testing.T, c headers.Config) map[string]string {
	t.Helper()
	return directivesOf(get(t, "https://a.example/", nothing, c).Get("Content-Security-Policy"))
}

// A list that is set takes away none of those that default-src does not cover.
func TestCaseHc6ListsThatStay(t *testing.T) {
	self := list("'self'")
	for _, preset := range []headers.Preset{headers.API, headers.HTML} {
		for name, csp := range map[string]headers.CSP{
			"guide":   {DefaultSrc: self, ScriptSrc: self, StyleSrc: list("'self'", "'unsafe-inline'"), ImgSrc: list("'self'", "data:"), InsecureInlineStyle: true},
			"default": {DefaultSrc: self},
			"nonce":   {DefaultSrc: self, ScriptSrc: list("'nonce'")},
			"empty":   {DefaultSrc: self, BaseURI: []string{}, FormAction: []string{}, FrameAncestors: []string{}, ObjectSrc: []string{}},
		} {
			t.Run(preset.String()+"/"+name, func(t *testing.T) {
				got := enforced(t, headers.Config{Preset: preset, CSP: csp})
				for directive, want := range map[string]string{"base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'", "object-src": "'none'"} {
					if got[directive] != want {
						t.Errorf("%s is %q, want %q", directive, got[directive], want)
					}
				}
				if _, upgrades := got["upgrade-insecure-requests"]; !upgrades {
					t.Error("there is no upgrade-insecure-requests")
				}
			})
		}
	}
	t.Run("own_lists_stand", func(t *testing.T) {
		got := enforced(t, headers.Config{Preset: headers.HTML, CSP: headers.CSP{DefaultSrc: self, BaseURI: self, FormAction: list("*"), FrameAncestors: list("a.example"), ObjectSrc: list("b.example")}})
		want := map[string]string{"default-src": "'self'", "base-uri": "'self'", "form-action": "*", "frame-ancestors": "a.example", "object-src": "b.example", "upgrade-insecure-requests": ""}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("policy is %q, want %q", got, want)
		}
	})
	t.Run("frame_options", func(t *testing.T) {
		for _, csp := range []headers.CSP{{}, {DefaultSrc: self}} {
			if got := enforced(t, headers.Config{CSP: csp, FrameOptions: "SAMEORIGIN"}); got["frame-ancestors"] != "'self'" {
				t.Errorf("frame-ancestors is %q beside SAMEORIGIN", got["frame-ancestors"])
			}
		}
		if got := enforced(t, headers.Config{CSP: headers.CSP{DefaultSrc: self, FrameAncestors: list("'none'")}, FrameOptions: "SAMEORIGIN"}); got["frame-ancestors"] != "'none'" {
			t.Errorf("frame-ancestors is %q, although the policy says 'none'", got["frame-ancestors"])
		}
	})
}

// What an embedder policy makes browsers block is not to be allowed.
func TestCaseHc10EmbedderPolicy(t *testing.T) {
	self := list("'self'")
	html := func(embedder string, csp headers.CSP) headers.Config {
		return headers.Config{Preset: headers.HTML, EmbedderPolicy: embedder, CSP: csp}
	}
	for _, test := range []struct {
		name   string
		config headers.Config
		field  string
	}{
		{"images", html("", headers.CSP{DefaultSrc: self, ImgSrc: list("'self'", "data:", "https:")}), "CSP.ImgSrc[2]"},
		{"images_of_everybody", html("", headers.CSP{DefaultSrc: self, ImgSrc: list("*")}), "CSP.ImgSrc[0]"},
		{"images_of_every_host", html("require-corp", headers.CSP{DefaultSrc: self, ImgSrc: list("https://*:443")}), "CSP.ImgSrc[0]"},
		{"images_upper", html("", headers.CSP{DefaultSrc: self, ImgSrc: list("HTTPS:")}), "CSP.ImgSrc[0]"},
		{"media", html("", headers.CSP{DefaultSrc: self, MediaSrc: list("https:")}), "CSP.MediaSrc[0]"},
		{"styles", html("", headers.CSP{DefaultSrc: self, StyleSrc: list("https:")}), "CSP.StyleSrc[0]"},
		{"scripts", html("", headers.CSP{DefaultSrc: self, ScriptSrc: list("https:"), InsecureAnyScript: true}), "CSP.ScriptSrc[0]"},
		{"frames", html("", headers.CSP{DefaultSrc: self, FrameSrc: list("https:")}), "CSP.FrameSrc[0]"},
		{"frames_by_child", html("credentialless", headers.CSP{DefaultSrc: self, ChildSrc: list("https:")}), "CSP.ChildSrc[0]"},
		{"frames_credentialless", html("credentialless", headers.CSP{DefaultSrc: self, FrameSrc: list("*")}), "CSP.FrameSrc[0]"},
		{"default", html("", headers.CSP{DefaultSrc: list("https:"), ScriptSrc: self}), "CSP.DefaultSrc[0]"},
		{"explicit", headers.Config{EmbedderPolicy: "require-corp", CSP: headers.CSP{DefaultSrc: self, ImgSrc: list("https:")}}, "CSP.ImgSrc[0]"},
		{"with_endpoint", html(`require-corp; report-to="coep"`, headers.CSP{DefaultSrc: self, ImgSrc: list("https:")}), "CSP.ImgSrc[0]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := headers.New(test.config)
			fault := find(err, "headers."+test.field)
			if m != nil || fault == nil || !strings.Contains(fault.Reason, "InsecureOmit") || !strings.Contains(fault.Reason, "EmbedderPolicy") {
				t.Errorf("got %v, %v; want an error at %s", m, err, test.field)
			}
		})
	}
	for name, config := range map[string]headers.Config{
		"credentialless": html("credentialless", headers.CSP{DefaultSrc: self, ImgSrc: list("https:"), MediaSrc: list("*"), StyleSrc: list("https:")}),
		"omitted":        {Preset: headers.HTML, CSP: headers.CSP{DefaultSrc: self, ImgSrc: list("https:")}, InsecureOmit: list("Cross-Origin-Embedder-Policy")},
		"policy_omitted": {Preset: headers.HTML, CSP: headers.CSP{DefaultSrc: self, ImgSrc: list("https:")}, InsecureOmit: list("Content-Security-Policy")},
		"named_host":     html("", headers.CSP{DefaultSrc: self, ImgSrc: list("https://cdn.example.com", "*.example.com")}),
		"without_hosts":  html("", headers.CSP{DefaultSrc: self, ImgSrc: list("data:", "blob:")}),
		"fetched_by_cors": html("", headers.CSP{DefaultSrc: self, FontSrc: list("https:"), ConnectSrc: list("*"), ManifestSrc: list("https:"),
			FormAction: list("*"), FrameAncestors: list("*")}),
		"default_that_does_not_count": html("", headers.CSP{DefaultSrc: list("https:"), ScriptSrc: self, StyleSrc: self, ImgSrc: self, MediaSrc: self, FrameSrc: self}),
		"api":                         {CSP: headers.CSP{DefaultSrc: self, ImgSrc: list("https:")}},
	} {
		if _, err := headers.New(config); err != nil {
			t.Errorf("%s is refused: %v", name, err)
		}
	}
}
