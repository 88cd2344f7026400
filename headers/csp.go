package headers

// A CSP is a Content-Security-Policy (CSP Level 3), with a field for each
// directive. Where no source list is set, the lists of the preset stand, and
// the other fields are added to them. Where a source list is set, DefaultSrc is
// required, and the policy is what is written here with
// UpgradeInsecureRequests, and with four lists that protect a page whatever
// DefaultSrc says. Their defaults are
//
//	ObjectSrc 'none'  BaseURI 'none'  FormAction 'self'  FrameAncestors 'none'
//
// The default of each other field is not to send its directive. The report-only
// policy of a Config has no such defaults: it is exactly what is written.
//
// A source is one of
//
//	'self'  'none'                      keywords, in their single quotes
//	'nonce'                             the nonce of the response
//	'sha256-…' 'sha384-…' 'sha512-…'    the hash of an inline script or style
//	'strict-dynamic' 'report-sample' 'wasm-unsafe-eval' …
//	https:  data:                       schemes
//	cdn.example.com  https://*.example.com:8443/js/
//
// A host with a wildcard allows every name under it. It also allows the names
// that a provider gives away, such as x.s3.amazonaws.com under *.amazonaws.com.
//
// The nonce of a policy is new in each response, see [Nonce]. A nonce that is
// written out, such as 'nonce-abc', is refused, because whoever injects a
// script can write it too.
type CSP struct {
	// DefaultSrc is for what has no list of its own among the fields that end
	// in Src. A special list falls back on the more general list first.
	// Required.
	DefaultSrc []string
	// ScriptSrc is where scripts may come from, and which inline scripts may
	// run. Without InsecureAnyScript it takes neither *, nor a scheme alone,
	// nor all of a public suffix, such as https://*.com. With 'nonce' it
	// requires BaseURI.
	ScriptSrc []string
	// ScriptSrcElem is for script elements, in place of ScriptSrc.
	ScriptSrcElem []string
	// ScriptSrcAttr is for event handlers in attributes, in place of ScriptSrc.
	ScriptSrcAttr []string
	// StyleSrc is where style sheets may come from, and which inline styles
	// count.
	StyleSrc []string
	// StyleSrcElem is for style and link elements, in place of StyleSrc.
	StyleSrcElem []string
	// StyleSrcAttr is for style attributes, in place of StyleSrc.
	StyleSrcAttr []string
	// ImgSrc is for images and icons.
	ImgSrc []string
	// FontSrc is for fonts that style sheets load.
	FontSrc []string
	// ConnectSrc is where scripts may send requests: fetch, XMLHttpRequest,
	// WebSocket, EventSource, sendBeacon, and ping of links.
	ConnectSrc []string
	// MediaSrc is for audio, video and their tracks.
	MediaSrc []string
	// ObjectSrc is for object and embed elements. Without InsecureAnyScript it
	// takes neither *, nor a scheme alone, nor all of a public suffix. Default:
	// 'none'.
	ObjectSrc []string
	// FrameSrc is what the page may show in frames, in place of ChildSrc.
	FrameSrc []string
	// ChildSrc is for frames and workers that have no list of their own.
	ChildSrc []string
	// WorkerSrc is where workers may be started from. Without it ChildSrc
	// counts, and without that ScriptSrc.
	WorkerSrc []string
	// ManifestSrc is for the manifest of a web application.
	ManifestSrc []string
	// BaseURI is what a base element may say. DefaultSrc does not cover it.
	// Without InsecureAnyScript it takes neither *, nor a scheme alone, nor all
	// of a public suffix: relative URLs of scripts would lead wherever injected
	// markup likes. Default: 'none'.
	BaseURI []string
	// FormAction is where forms may be sent. DefaultSrc does not cover it; *
	// allows every place. Default: 'self'.
	FormAction []string
	// FrameAncestors is who may show the page in a frame. DefaultSrc does not
	// cover it; * allows everybody. Browsers that know it ignore
	// X-Frame-Options. Default: 'none', or 'self' where [Config.FrameOptions]
	// is SAMEORIGIN.
	FrameAncestors []string

	// Sandbox takes away the rights of a page that are not listed, such as
	// "allow-scripts". Nil sends no sandbox. An empty list sends a sandbox
	// without rights.
	Sandbox []string
	// UpgradeInsecureRequests makes http URLs of the page https. It is sent
	// over TLS only, and not in a report-only policy, where it has no meaning.
	// It is always true for HTML, and where a source list is set. Default:
	// false.
	UpgradeInsecureRequests bool
	// RequireTrustedTypes refuses strings at the places of the DOM that would
	// run them, unless a policy of TrustedTypes made them.
	RequireTrustedTypes bool
	// TrustedTypes are the names of the policies that scripts may create, or
	// the keywords 'none' and 'allow-duplicates'. Nil does not restrict them.
	TrustedTypes []string
	// ReportTo is where violations are reported: a name in [Config.Endpoints].
	// The URL is always sent as report-uri. The name is sent as report-to over
	// TLS only, which is where browsers heed it.
	ReportTo string

	// InsecureInlineScript allows 'unsafe-inline' and 'unsafe-hashes' for
	// scripts: whoever injects markup runs script.
	InsecureInlineScript bool
	// InsecureInlineStyle allows 'unsafe-inline' and 'unsafe-hashes' for
	// styles: whoever injects markup can change what the page shows, and read
	// some of it by selectors.
	InsecureInlineStyle bool
	// InsecureEval allows 'unsafe-eval': text that an attacker gets into eval
	// runs as script.
	InsecureEval bool
	// InsecureAnyScript allows scripts from *, from a scheme alone, such as
	// https: or data:, and from all of a public suffix, such as https://*.com.
	// Attackers can provide such scripts. It allows the same for BaseURI and
	// ObjectSrc.
	InsecureAnyScript bool
}

// directive is one list of a policy, and what may stand in it.
type directive struct {
	field   string // in CSP
	name    string
	sources []string
	script  bool // governs scripts
	style   bool // governs styles
	plain   bool // takes no nonce, hash, or word on code
}

// directives returns the lists in their fixed order.
func (c *CSP) directives() []directive {
	return []directive{
		{"DefaultSrc", "default-src", c.DefaultSrc, len(c.ScriptSrc) == 0, len(c.StyleSrc) == 0, false},
		{"ScriptSrc", "script-src", c.ScriptSrc, true, false, false},
		{"ScriptSrcElem", "script-src-elem", c.ScriptSrcElem, true, false, false},
		{"ScriptSrcAttr", "script-src-attr", c.ScriptSrcAttr, true, false, false},
		{"StyleSrc", "style-src", c.StyleSrc, false, true, false},
		{"StyleSrcElem", "style-src-elem", c.StyleSrcElem, false, true, false},
		{"StyleSrcAttr", "style-src-attr", c.StyleSrcAttr, false, true, false},
		{"ImgSrc", "img-src", c.ImgSrc, false, false, true},
		{"FontSrc", "font-src", c.FontSrc, false, false, true},
		{"ConnectSrc", "connect-src", c.ConnectSrc, false, false, true},
		{"MediaSrc", "media-src", c.MediaSrc, false, false, true},
		{"ObjectSrc", "object-src", c.ObjectSrc, false, false, true},
		{"FrameSrc", "frame-src", c.FrameSrc, false, false, true},
		{"ChildSrc", "child-src", c.ChildSrc, false, false, true},
		{"WorkerSrc", "worker-src", c.WorkerSrc, false, false, true},
		{"ManifestSrc", "manifest-src", c.ManifestSrc, false, false, true},
		{"BaseURI", "base-uri", c.BaseURI, false, false, true},
		{"FormAction", "form-action", c.FormAction, false, false, true},
		{"FrameAncestors", "frame-ancestors", c.FrameAncestors, false, false, true},
	}
}

// bare reports whether no source list is set.
func (c *CSP) bare() bool {
	for _, d := range c.directives() {
		if len(d.sources) > 0 {
			return false
		}
	}
	return true
}

// unset reports whether c says nothing at all.
func (c *CSP) unset() bool {
	return c.bare() && c.Sandbox == nil && !c.UpgradeInsecureRequests && !c.RequireTrustedTypes && c.TrustedTypes == nil && c.ReportTo == ""
}

// completed returns c with the lists of base in place of those that c leaves
// open and that its DefaultSrc does not cover, or, as the list of objects, that
// it covers too generously. So do the defaults of other libraries, whose
// policies people copy.
func (c CSP) completed(base CSP) CSP {
	for _, list := range []struct {
		own  *[]string
		base []string
	}{
		{&c.ObjectSrc, base.ObjectSrc},
		{&c.BaseURI, base.BaseURI},
		{&c.FormAction, base.FormAction},
		{&c.FrameAncestors, base.FrameAncestors},
	} {
		if len(*list.own) == 0 {
			*list.own = list.base
		}
	}
	c.UpgradeInsecureRequests = c.UpgradeInsecureRequests || base.UpgradeInsecureRequests
	return c
}

// over returns the lists of base with the other fields of c added.
func (c CSP) over(base CSP) CSP {
	merged := base
	merged.Sandbox, merged.TrustedTypes, merged.ReportTo = c.Sandbox, c.TrustedTypes, c.ReportTo
	merged.RequireTrustedTypes = c.RequireTrustedTypes
	merged.UpgradeInsecureRequests = c.UpgradeInsecureRequests || base.UpgradeInsecureRequests
	return merged
}
