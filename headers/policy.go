package headers

import (
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// maxPolicy bounds the text of a policy, in bytes: servers and proxies between
// here and the browser accept 8 KiB for all headers together.
const maxPolicy = 4 << 10

// nonceMark stands for the nonce in the text of a policy. No source can hold
// it.
const nonceMark = "\x00"

// policy is a prepared policy: the parts between which the nonce is put. The
// second form is for requests over TLS, which has more to say.
type policy struct {
	plain, secure []string
}

func (p *policy) sent() bool { return p.plain != nil }

// over returns the form for a request.
func (p *policy) over(secure bool) []string {
	if secure {
		return p.secure
	}
	return p.plain
}

// hasNonce reports whether the policy needs one.
func (p *policy) hasNonce() bool { return len(p.plain) > 1 }

// compile checks the policy and prepares its text. The path is that of the
// field in the Config.
func (c CSP) compile(path string, reportOnly bool, endpoints map[string]string, faults *fault.List) policy {
	var text strings.Builder
	write := func(name string, words ...string) {
		if text.Len() > 0 {
			text.WriteString("; ")
		}
		text.WriteString(name)
		for _, word := range words {
			text.WriteByte(' ')
			text.WriteString(word)
		}
	}
	if len(c.DefaultSrc) == 0 {
		faults.Add(path+".DefaultSrc", "", "is empty, so that content without a list of its own is allowed from anywhere; write 'none' or 'self'")
	}
	for _, d := range c.directives() {
		if len(d.sources) == 0 {
			continue
		}
		c.check(d, path+"."+d.field, faults)
		words := make([]string, len(d.sources))
		for i, source := range d.sources {
			if words[i] = source; source == "'nonce'" {
				words[i] = "'nonce-" + nonceMark + "'"
			}
		}
		write(d.name, words...)
	}
	c.checkRest(path, reportOnly, endpoints, faults)
	if c.Sandbox != nil {
		write("sandbox", c.Sandbox...)
	}
	if c.RequireTrustedTypes {
		write("require-trusted-types-for", "'script'")
	}
	if c.TrustedTypes != nil {
		write("trusted-types", c.TrustedTypes...)
	}
	if c.ReportTo != "" {
		write("report-uri", endpoints[c.ReportTo])
	}
	p := policy{plain: strings.Split(text.String(), nonceMark)}
	// Beside report-to Chromium ignores report-uri, and without TLS it ignores
	// the endpoint that report-to names: plain http would report nothing.
	if c.ReportTo != "" {
		write("report-to", c.ReportTo)
	}
	if c.UpgradeInsecureRequests {
		write("upgrade-insecure-requests")
	}
	if text.Len() > maxPolicy {
		faults.Add(path, "", "is longer than 4 KiB, which some proxies do not accept; shorten the lists, for example with a wildcard")
	}
	p.secure = strings.Split(text.String(), nonceMark)
	return p
}

// splice puts the nonce between the parts.
func splice(parts []string, nonce string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return strings.Join(parts, nonce)
}

// sandboxRights are the tokens that lift a restriction of a sandbox (HTML,
// 7.1.5).
var sandboxRights = []string{"allow-downloads", "allow-forms", "allow-modals", "allow-orientation-lock", "allow-pointer-lock",
	"allow-popups", "allow-popups-to-escape-sandbox", "allow-presentation", "allow-same-origin", "allow-scripts",
	"allow-storage-access-by-user-activation", "allow-top-navigation", "allow-top-navigation-by-user-activation",
	"allow-top-navigation-to-custom-protocols"}

// checkRest checks the fields that are not source lists.
func (c *CSP) checkRest(path string, reportOnly bool, endpoints map[string]string, faults *fault.List) {
	if len(c.BaseURI) == 0 && c.trustsNonce() {
		faults.Add(path+".BaseURI", "", "is empty, so that an injected base element can load scripts with the nonce from another host; write 'none' or 'self'")
	}
	for i, right := range c.Sandbox {
		if !slices.Contains(sandboxRights, right) || slices.Index(c.Sandbox, right) < i {
			faults.AddAt(path+".Sandbox", i, right, "is not a right of a sandbox, or is in the list twice; write for example allow-scripts")
		}
	}
	if reportOnly && c.Sandbox != nil {
		faults.Add(path+".Sandbox", "", "is ignored in a policy that only reports; remove it")
	}
	if reportOnly && c.UpgradeInsecureRequests {
		faults.Add(path+".UpgradeInsecureRequests", "", "is ignored in a policy that only reports; remove it")
	}
	for i, name := range c.TrustedTypes {
		if !isPolicyName(name) || slices.Index(c.TrustedTypes, name) < i || name == "'none'" && len(c.TrustedTypes) > 1 {
			faults.AddAt(path+".TrustedTypes", i, name,
				"is not the name of a trusted types policy, is in the list twice, or is 'none' beside other names; remove it")
		}
	}
	if _, ok := endpoints[c.ReportTo]; c.ReportTo != "" && !ok {
		faults.Add(path+".ReportTo", c.ReportTo, "is not a name in Endpoints; add it there with its URL")
	}
}

// trustsNonce reports whether a script runs because of its nonce, from any
// host.
func (c *CSP) trustsNonce() bool {
	for _, d := range c.directives() {
		if d.script && slices.Contains(d.sources, "'nonce'") {
			return true
		}
	}
	return false
}

// isPolicyName knows tt-policy-name and the keywords (Trusted Types, 4.2).
func isPolicyName(name string) bool {
	if name == "'none'" || name == "'allow-duplicates'" {
		return true
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-#=_/@.%", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}
