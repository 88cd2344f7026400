package headers_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

func list(sources ...string) []string { return sources }

// policy returns the enforced policy of a Config over TLS.
func policy(t *testing.T, c headers.CSP) string {
	t.Helper()
	return get(t, "https://a.example/", nothing, headers.Config{CSP: c}).Get("Content-Security-Policy")
}

// rest is what a policy has where it does not say it otherwise.
const rest = "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// upgrade is the end of each policy with lists over TLS.
const upgrade = "; upgrade-insecure-requests"

const (
	sha256 = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
	sha384 = "'sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb'"
	sha512 = "'sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg_SpIdNs6c5H0NE8XYXysP-DGNKHfuwvY7kxvUdBeoGlODJ6-SfaPg=='"
)

func TestPolicyText(t *testing.T) {
	for _, test := range []struct {
		name string
		csp  headers.CSP
		want string
	}{
		{"guide", headers.CSP{DefaultSrc: list("'self'"), ScriptSrc: list("'self'"), StyleSrc: list("'self'", "'unsafe-inline'"),
			ImgSrc: list("'self'", "data:", "https:"), InsecureInlineStyle: true},
			"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:" + rest},
		{"all_lists", headers.CSP{DefaultSrc: list("'none'"), ScriptSrc: list("a.example"), ScriptSrcElem: list("b.example"), ScriptSrcAttr: list("'none'"),
			StyleSrc: list("c.example"), StyleSrcElem: list("d.example"), StyleSrcAttr: list("'none'"), ImgSrc: list("*"), FontSrc: list("e.example"),
			ConnectSrc: list("wss:"), MediaSrc: list("blob:"), ObjectSrc: list("'none'"), FrameSrc: list("f.example"), ChildSrc: list("g.example"),
			WorkerSrc: list("'self'"), ManifestSrc: list("'self'"), BaseURI: list("'none'"), FormAction: list("'self'"), FrameAncestors: list("'self'")},
			"default-src 'none'; script-src a.example; script-src-elem b.example; script-src-attr 'none'; style-src c.example; " +
				"style-src-elem d.example; style-src-attr 'none'; img-src *; font-src e.example; connect-src wss:; media-src blob:; object-src 'none'; " +
				"frame-src f.example; child-src g.example; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"},
		{"rest", headers.CSP{DefaultSrc: list("'self'"), Sandbox: list("allow-scripts", "allow-forms"), RequireTrustedTypes: true,
			TrustedTypes: list("default", "'allow-duplicates'"), UpgradeInsecureRequests: true},
			"default-src 'self'" + rest + "; sandbox allow-scripts allow-forms; require-trusted-types-for 'script'; trusted-types default 'allow-duplicates'; upgrade-insecure-requests"},
		{"empty_sandbox", headers.CSP{DefaultSrc: list("'self'"), Sandbox: []string{}, TrustedTypes: []string{}}, "default-src 'self'" + rest + "; sandbox; trusted-types"},
		{"preset_with_additions", headers.CSP{RequireTrustedTypes: true}, "default-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"},
		{"hosts", headers.CSP{DefaultSrc: list("https://*.example.com:8443/js/a%3Bb", "example.com:*", "localhost:3000", "192.0.2.1", "wss://a.example", "*:8443"), ScriptSrc: list("'none'")},
			"default-src https://*.example.com:8443/js/a%3Bb example.com:* localhost:3000 192.0.2.1 wss://a.example *:8443; script-src 'none'" + rest},
		{"hashes", headers.CSP{DefaultSrc: list("'self'"), ScriptSrc: list(sha256, sha384, sha512, "'strict-dynamic'", "'wasm-unsafe-eval'", "'report-sample'")},
			"default-src 'self'; script-src " + sha256 + " " + sha384 + " " + sha512 + " 'strict-dynamic' 'wasm-unsafe-eval' 'report-sample'" + rest},
		{"insecure", headers.CSP{DefaultSrc: list("*", "data:", "'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'"),
			InsecureAnyScript: true, InsecureInlineScript: true, InsecureInlineStyle: true, InsecureEval: true},
			"default-src * data: 'unsafe-inline' 'unsafe-eval' 'unsafe-hashes'" + rest},
		// What default-src says of scripts counts only where they have no list of
		// their own.
		{"insecure_anybody", headers.CSP{DefaultSrc: list("'self'"), ScriptSrc: list("https://*.com", "https:"), ObjectSrc: list("*"), BaseURI: list("*"), InsecureAnyScript: true},
			"default-src 'self'; script-src https://*.com https:; object-src *; base-uri *; form-action 'self'; frame-ancestors 'none'"},
		{"objects_of_a_domain", headers.CSP{DefaultSrc: list("'self'"), ObjectSrc: list("https://*.example.com"), BaseURI: list("https://*.example.com")},
			"default-src 'self'; object-src https://*.example.com; base-uri https://*.example.com; form-action 'self'; frame-ancestors 'none'"},
		{"default_of_the_rest", headers.CSP{DefaultSrc: list("https:"), ScriptSrc: list("'self'")}, "default-src https:; script-src 'self'" + rest},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := test.want
			if test.csp.DefaultSrc != nil && !test.csp.UpgradeInsecureRequests {
				want += upgrade
			}
			if got := policy(t, test.csp); got != want {
				t.Errorf("policy is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// script and image are places for one bad source.
func script(source ...string) headers.CSP {
	return headers.CSP{DefaultSrc: list("'self'"), ScriptSrc: source}
}

func image(source ...string) headers.CSP {
	return headers.CSP{DefaultSrc: list("'self'"), ImgSrc: source}
}

var badPolicies = []struct {
	name   string
	csp    headers.CSP
	field  string
	reason string
}{
	{"no_default", headers.CSP{ScriptSrc: list("'self'")}, "DefaultSrc", "is empty"},
	{"unquoted_self", script("self"), "ScriptSrc[0]", "single quotes: 'self'"},
	{"unquoted_none", image("none"), "ImgSrc[0]", "single quotes: 'none'"},
	{"unquoted_upper", image("SELF"), "ImgSrc[0]", "single quotes: 'self'"},
	{"double_quoted", image(`"self"`), "ImgSrc[0]", "single quotes: 'self'"},
	{"half_quoted", image(`self'`), "ImgSrc[0]", "single quotes: 'self'"},
	{"half_quoted_too", image(`'self`), "ImgSrc[0]", "not a keyword"},
	{"unquoted_unsafe_inline", script("unsafe-inline"), "ScriptSrc[0]", "single quotes"},
	{"unquoted_nonce", script("nonce-abc"), "ScriptSrc[0]", "single quotes"},
	{"unquoted_hash", script("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), "ScriptSrc[0]", "single quotes"},
	{"unknown_keyword", script("'selfish'"), "ScriptSrc[0]", "not a keyword"},
	{"upper_keyword", script("'SELF'"), "ScriptSrc[0]", "lower case"},
	{"fixed_nonce", script("'nonce-abc'"), "ScriptSrc[0]", "everybody can know"},
	{"hash_short", script("'sha256-47DEQpj8HBSa'"), "ScriptSrc[0]", "not a hash"},
	{"hash_wrong_size", script("'sha512-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"), "ScriptSrc[0]", "not a hash"},
	{"hash_open", script("'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), "ScriptSrc[0]", "not a hash"},
	{"hash_of_an_image", image(sha256), "ImgSrc[0]", "no meaning here"},
	{"nonce_of_an_image", image("'nonce'"), "ImgSrc[0]", "no meaning here"},
	{"nonce_of_an_attribute", headers.CSP{DefaultSrc: list("'self'"), ScriptSrcAttr: list("'nonce'")}, "ScriptSrcAttr[0]", "no meaning here"},
	{"strict_dynamic_style", headers.CSP{DefaultSrc: list("'self'"), StyleSrc: list("'nonce'", "'strict-dynamic'")}, "StyleSrc[1]", "no meaning here"},
	{"strict_dynamic_alone", script("'strict-dynamic'", "https://a.example"), "ScriptSrc", "no script at all"},
	{"report_sample_image", image("'report-sample'"), "ImgSrc[0]", "no meaning here"},
	{"unsafe_inline_image", image("'unsafe-inline'"), "ImgSrc[0]", "no meaning here"},
	{"semicolon_at_the_end", script("'self';"), "ScriptSrc[0]", "leave the semicolon out"},
	{"semicolon_after_a_host", image("a.example;"), "ImgSrc[0]", "leave the semicolon out"},
	{"comma_at_the_end", script("'self',"), "ScriptSrc[0]", "leave the comma out"},
	{"semicolon", image("a.example;script-src"), "ImgSrc[0]", "semicolon"},
	{"comma", image("a.example,b.example"), "ImgSrc[0]", "comma"},
	{"space", image("a.example b.example"), "ImgSrc[0]", "white space"},
	{"line_break", image("a.example\r\nSet-Cookie: a=b"), "ImgSrc[0]", "white space"},
	{"nul", image("\x00"), "ImgSrc[0]", "control"},
	{"unicode", image("bücher.example"), "ImgSrc[0]", "ASCII"},
	{"empty", image(""), "ImgSrc[0]", "not a source"},
	{"duplicate", image("a.example", "a.example"), "ImgSrc[1]", "twice"},
	{"duplicate_keyword", image("'self'", "'self'"), "ImgSrc[1]", "twice"},
	{"none_in_company", image("'none'", "a.example"), "ImgSrc[0]", "beside other"},
	{"inline_script", script("'unsafe-inline'"), "ScriptSrc[0]", "InsecureInlineScript"},
	{"inline_hashes", script("'unsafe-hashes'"), "ScriptSrc[0]", "InsecureInlineScript"},
	{"inline_style", headers.CSP{DefaultSrc: list("'self'"), StyleSrc: list("'unsafe-inline'")}, "StyleSrc[0]", "InsecureInlineStyle"},
	{"inline_script_by_default", headers.CSP{DefaultSrc: list("'unsafe-inline'"), InsecureInlineStyle: true}, "DefaultSrc[0]", "InsecureInlineScript"},
	{"inline_style_by_default", headers.CSP{DefaultSrc: list("'unsafe-inline'"), InsecureInlineScript: true}, "DefaultSrc[0]", "InsecureInlineStyle"},
	{"eval", script("'unsafe-eval'"), "ScriptSrc[0]", "InsecureEval"},
	{"eval_of_an_image", image("'unsafe-eval'"), "ImgSrc[0]", "no meaning here"},
	{"any_script", script("*"), "ScriptSrc[0]", "InsecureAnyScript"},
	{"any_script_by_default", headers.CSP{DefaultSrc: list("https:")}, "DefaultSrc[0]", "InsecureAnyScript"},
	{"any_script_data", script("data:"), "ScriptSrc[0]", "InsecureAnyScript"},
	{"any_script_host", script("https://*:443/js/"), "ScriptSrc[0]", "InsecureAnyScript"},
	{"any_script_suffix", script("https://*.com"), "ScriptSrc[0]", "InsecureAnyScript"},
	{"any_script_suffix_upper", script("*.CO.UK:443/js/"), "ScriptSrc[0]", "InsecureAnyScript"},
	{"any_script_suffix_private", script("*.github.io"), "ScriptSrc[0]", "InsecureAnyScript"},
	{"any_script_suffix_below", script("*.compute.amazonaws.com"), "ScriptSrc[0]", "InsecureAnyScript"},
	{"any_script_suffix_element", headers.CSP{DefaultSrc: list("'self'"), ScriptSrcElem: list("*.com")}, "ScriptSrcElem[0]", "InsecureAnyScript"},
	{"any_script_suffix_by_default", headers.CSP{DefaultSrc: list("*.com")}, "DefaultSrc[0]", "InsecureAnyScript"},
	{"any_base", headers.CSP{DefaultSrc: list("'self'"), BaseURI: list("*")}, "BaseURI[0]", "InsecureAnyScript"},
	{"any_base_scheme", headers.CSP{DefaultSrc: list("'self'"), BaseURI: list("https:")}, "BaseURI[0]", "InsecureAnyScript"},
	{"any_base_suffix", headers.CSP{DefaultSrc: list("'self'"), BaseURI: list("https://*.com")}, "BaseURI[0]", "InsecureAnyScript"},
	{"any_object", headers.CSP{DefaultSrc: list("'self'"), ObjectSrc: list("*")}, "ObjectSrc[0]", "InsecureAnyScript"},
	{"any_object_scheme", headers.CSP{DefaultSrc: list("'self'"), ObjectSrc: list("data:")}, "ObjectSrc[0]", "InsecureAnyScript"},
	{"any_object_suffix", headers.CSP{DefaultSrc: list("'self'"), ObjectSrc: list("https://*.co.uk")}, "ObjectSrc[0]", "InsecureAnyScript"},
	{"nonce_without_base", script("'nonce'"), "BaseURI", "base element"},
	{"nonce_without_base_element", headers.CSP{DefaultSrc: list("'self'"), ScriptSrcElem: list("'nonce'")}, "BaseURI", "base element"},
	{"nonce_without_base_by_default", headers.CSP{DefaultSrc: list("'nonce'")}, "BaseURI", "base element"},
	{"scheme_no_colon", image("1https://a.example"), "ImgSrc[0]", "scheme"},
	{"scheme_empty", image("://a.example"), "ImgSrc[0]", "scheme"},
	{"wildcard_inside", image("a.*.example"), "ImgSrc[0]", "first label"},
	{"wildcard_part", image("*a.example"), "ImgSrc[0]", "first label"},
	{"two_dots", image("a..example"), "ImgSrc[0]", "not a source"},
	{"port", image("a.example:0"), "ImgSrc[0]", "port"},
	{"port_empty", image("a.example:"), "ImgSrc[0]", "port"},
	{"user", image("https://a@b.example"), "ImgSrc[0]", "character"},
	{"query", image("https://a.example/x?y"), "ImgSrc[0]", "query"},
	{"fragment", image("https://a.example/x#y"), "ImgSrc[0]", "query"},
	{"bad_escape", image("https://a.example/%zz"), "ImgSrc[0]", "percent"},
	{"sandbox", headers.CSP{DefaultSrc: list("'self'"), Sandbox: list("allow-everything")}, "Sandbox[0]", "not a right"},
	{"sandbox_twice", headers.CSP{DefaultSrc: list("'self'"), Sandbox: list("allow-forms", "allow-forms")}, "Sandbox[1]", "twice"},
	{"trusted_types", headers.CSP{DefaultSrc: list("'self'"), TrustedTypes: list("a b")}, "TrustedTypes[0]", "not the name"},
	{"trusted_types_empty", headers.CSP{DefaultSrc: list("'self'"), TrustedTypes: list("")}, "TrustedTypes[0]", "not the name"},
	{"trusted_types_none", headers.CSP{DefaultSrc: list("'self'"), TrustedTypes: list("'none'", "a")}, "TrustedTypes[0]", "beside other"},
	{"report_to", headers.CSP{ReportTo: "csp"}, "ReportTo", "Endpoints"},
	{"long", image("https://a.example/" + strings.Repeat("a", 5000)), "", "4 KiB"},
}

// advice is in each reason: it says what to write, and not only what is wrong.
var advice = regexp.MustCompile(`(^|; | or |: )(write|use|name|remove|add|leave|copy|shorten|set|keep)\b|\bmust be\b|\bneeds\b`)

// find returns the fault at a field.
func find(err error, field string) *bulwark.ConfigError {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, e := range joined.Unwrap() {
		if fault := (*bulwark.ConfigError)(nil); errors.As(e, &fault) && fault.Field == field {
			return fault
		}
	}
	return nil
}

func TestPolicyFaults(t *testing.T) {
	for _, test := range badPolicies {
		t.Run(test.name, func(t *testing.T) {
			for path, config := range map[string]headers.Config{
				"headers.CSP":        {CSP: test.csp},
				"headers.ReportOnly": {ReportOnly: test.csp},
			} {
				if test.field == "BaseURI" && path == "headers.CSP" {
					continue // whose base-uri is 'none' then
				}
				m, err := headers.New(config)
				field := strings.TrimSuffix(path+"."+test.field, ".")
				if fault := find(err, field); m != nil || fault == nil || !strings.Contains(fault.Reason, test.reason) || !advice.MatchString(fault.Reason) {
					t.Errorf("got %v, %v; want an error at %s about %q with advice", m, err, field, test.reason)
				}
			}
		})
	}
}

func TestConfigFaults(t *testing.T) {
	for _, test := range []struct {
		name   string
		config headers.Config
		field  string
	}{
		{"preset", headers.Config{Preset: -1}, "headers.Preset"},
		{"sandbox_report_only", headers.Config{ReportOnly: headers.CSP{DefaultSrc: list("'self'"), Sandbox: []string{}}}, "headers.ReportOnly.Sandbox"},
		{"upgrade_report_only", headers.Config{ReportOnly: headers.CSP{DefaultSrc: list("'self'"), UpgradeInsecureRequests: true}}, "headers.ReportOnly.UpgradeInsecureRequests"},
		{"hsts_negative", headers.Config{HSTS: headers.HSTS{MaxAge: -1}}, "headers.HSTS.MaxAge"},
		{"hsts_fraction", headers.Config{HSTS: headers.HSTS{MaxAge: 1500 * time.Millisecond}}, "headers.HSTS.MaxAge"},
		{"hsts_preload_short", headers.Config{HSTS: headers.HSTS{MaxAge: 364 * 24 * time.Hour, Preload: true}}, "headers.HSTS.MaxAge"},
		{"hsts_preload_alone", headers.Config{HSTS: headers.HSTS{InsecureExcludeSubDomains: true, Preload: true}}, "headers.HSTS.Preload"},
		{"hsts_withdrawn_preload", headers.Config{HSTS: headers.HSTS{InsecureWithdraw: true, Preload: true}}, "headers.HSTS.InsecureWithdraw"},
		{"cache", headers.Config{CacheControl: "no store"}, "headers.CacheControl"},
		{"cache_break", headers.Config{CacheControl: "private\r\nX: y"}, "headers.CacheControl"},
		{"cache_empty_directive", headers.Config{CacheControl: "private,,"}, "headers.CacheControl"},
		{"cache_empty_argument", headers.Config{CacheControl: "max-age="}, "headers.CacheControl"},
		{"embedder", headers.Config{EmbedderPolicy: "require-cors"}, "headers.EmbedderPolicy"},
		{"embedder_none", headers.Config{EmbedderPolicy: "unsafe-none"}, "headers.EmbedderPolicy"},
		{"opener", headers.Config{OpenerPolicy: "same-site"}, "headers.OpenerPolicy"},
		{"resource", headers.Config{ResourcePolicy: "*"}, "headers.ResourcePolicy"},
		{"frame", headers.Config{FrameOptions: "deny"}, "headers.FrameOptions"},
		{"frame_allow_from", headers.Config{FrameOptions: "ALLOW-FROM https://a.example"}, "headers.FrameOptions"},
		{"referrer", headers.Config{ReferrerPolicy: "none"}, "headers.ReferrerPolicy"},
		{"referrer_unsafe", headers.Config{ReferrerPolicy: "no-referrer, unsafe-url"}, "headers.ReferrerPolicy"},
		{"referrer_downgrade", headers.Config{ReferrerPolicy: "no-referrer-when-downgrade"}, "headers.ReferrerPolicy"},
		{"permissions_old", headers.Config{PermissionsPolicy: "camera 'none'"}, "headers.PermissionsPolicy"},
		{"permissions_twice", headers.Config{PermissionsPolicy: "camera=(), camera=*"}, "headers.PermissionsPolicy"},
		{"permissions_open", headers.Config{PermissionsPolicy: "camera=(self"}, "headers.PermissionsPolicy"},
		{"permissions_unquoted", headers.Config{PermissionsPolicy: "camera=(https://a.example)"}, "headers.PermissionsPolicy"},
		{"permissions_quoted_junk", headers.Config{PermissionsPolicy: `camera=("a;b")`}, "headers.PermissionsPolicy"},
		{"permissions_upper", headers.Config{PermissionsPolicy: "Camera=()"}, "headers.PermissionsPolicy"},
		{"permissions_line_break", headers.Config{PermissionsPolicy: "camera=(self\nsrc)"}, "headers.PermissionsPolicy"},
		{"permissions_tab", headers.Config{PermissionsPolicy: "camera=(self\vsrc)"}, "headers.PermissionsPolicy"},
		{"permissions_next_line", headers.Config{PermissionsPolicy: "camera=(self\u0085src)"}, "headers.PermissionsPolicy"},
		{"permissions_latin1", headers.Config{PermissionsPolicy: "camera=(self\x85src)"}, "headers.PermissionsPolicy"},
		{"permissions_quoted_break", headers.Config{PermissionsPolicy: "camera=(\"https://a.example/\n\")"}, "headers.PermissionsPolicy"},
		{"permissions_quoted_unicode", headers.Config{PermissionsPolicy: `camera=("https://a.example/ü")`}, "headers.PermissionsPolicy"},
		{"permissions_nameless", headers.Config{PermissionsPolicy: "=()"}, "headers.PermissionsPolicy"},
		{"endpoint_name", headers.Config{Endpoints: map[string]string{"CSP": "/r"}}, `headers.Endpoints["CSP"]`},
		{"endpoint_http", headers.Config{Endpoints: map[string]string{"csp": "http://a.example/r"}}, `headers.Endpoints["csp"]`},
		{"endpoint_relative", headers.Config{Endpoints: map[string]string{"csp": "r"}}, `headers.Endpoints["csp"]`},
		{"endpoint_schemeless", headers.Config{Endpoints: map[string]string{"csp": "//a.example/r"}}, `headers.Endpoints["csp"]`},
		{"endpoint_user", headers.Config{Endpoints: map[string]string{"csp": "https://a:b@a.example/r"}}, `headers.Endpoints["csp"]`},
		{"endpoint_quote", headers.Config{Endpoints: map[string]string{"csp": `/r", evil="/x`}}, `headers.Endpoints["csp"]`},
		{"endpoint_break", headers.Config{Endpoints: map[string]string{"csp": "/r\r\nX: y"}}, `headers.Endpoints["csp"]`},
		{"endpoint_unicode", headers.Config{Endpoints: map[string]string{"csp": "/ü"}}, `headers.Endpoints["csp"]`},
		{"omit_unknown", headers.Config{InsecureOmit: list("Referer-Policy")}, "headers.InsecureOmit[0]"},
		{"omit_not_sent", headers.Config{InsecureOmit: list("Permissions-Policy")}, "headers.InsecureOmit[0]"},
		{"omit_twice", headers.Config{InsecureOmit: list("X-Frame-Options", "x-frame-options")}, "headers.InsecureOmit[1]"},
		{"omit_policy_twice", headers.Config{InsecureOmit: list("Content-Security-Policy", "Content-Security-Policy")}, "headers.InsecureOmit[1]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := headers.New(test.config)
			if fault := find(err, test.field); m != nil || fault == nil || !advice.MatchString(fault.Reason) {
				t.Errorf("got %v, %v; want an error at %s with advice", m, err, test.field)
			}
		})
	}
	t.Run("no_secret", func(t *testing.T) {
		for target, value := range map[string]string{"https://u:s3cret@a.example/r": "https://…@a.example/r", "u:s3cret@a.example": "…@a.example"} {
			_, err := headers.New(headers.Config{Endpoints: map[string]string{"csp": target}})
			if fault := find(err, `headers.Endpoints["csp"]`); fault == nil || fault.Value != value {
				t.Errorf("%q: got %v, want an error that tells %q", target, err, value)
			}
		}
	})
	t.Run("all_at_once", func(t *testing.T) {
		_, err := headers.New(headers.Config{FrameOptions: "x", HSTS: headers.HSTS{MaxAge: -1}, CSP: script("self", "*"), InsecureOmit: list("a")})
		for _, field := range []string{"headers.FrameOptions", "headers.HSTS.MaxAge", "headers.CSP.ScriptSrc[0]", "headers.CSP.ScriptSrc[1]", "headers.InsecureOmit[0]"} {
			if find(err, field) == nil {
				t.Errorf("%v does not name %s", err, field)
			}
		}
	})
}

func TestPresetNames(t *testing.T) {
	got := []string{headers.API.String(), headers.HTML.String(), headers.Preset(7).String()}
	if !slices.Equal(got, []string{"API", "HTML", "Preset(7)"}) {
		t.Errorf("names are %q", got)
	}
}
