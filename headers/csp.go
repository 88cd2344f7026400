package headers

// A CSP is a Content-Security-Policy (CSP Level 3). Each directive has a field.
// To allow scripts of one host beside your own:
//
//	headers.CSP{
//		DefaultSrc: []string{"'self'"},
//		ScriptSrc:  []string{"'self'", "https://cdn.example.com"},
//	}
//
// A source is one of:
//
//	'self'  'none'                      keywords, in their single quotes
//	'nonce'                             the nonce of the response
//	'sha256-…' 'sha384-…' 'sha512-…'    the hash of an inline script or style
//	'strict-dynamic' 'report-sample' 'wasm-unsafe-eval' …
//	https:  data:                       schemes
//	cdn.example.com  https://*.example.com:8443/js/
//
// Write 'nonce' for a nonce that is new in each response, see [Nonce]. A nonce
// that is written out, such as 'nonce-abc', is refused, because an attacker who
// injects a script can write it as well. If a list has 'strict-dynamic',
// browsers ignore its hosts and 'self'. A script then needs the nonce, or a
// script with the nonce has to load it. A host with a wildcard allows every
// name under it. This includes names that a provider gives to its customers,
// such as x.s3.amazonaws.com under *.amazonaws.com.
//
// A source list is a field of type []string whose name ends in Src, SrcElem or
// SrcAttr, and BaseURI, FormAction and FrameAncestors:
//
//   - If no source list is set, the lists of the preset are sent, and the other
//     fields are added to them.
//   - If a source list is set, DefaultSrc is required, and the lists of the
//     preset are replaced. Four lists that protect a page have a default of
//     their own, and UpgradeInsecureRequests is added.
//
// The four lists and their defaults are:
//
//	object-src 'none'; base-uri 'none'; form-action 'self';
//	frame-ancestors 'none'
//
// A directive whose field is not set is not sent, except for these four. The
// report-only policy of a Config has no defaults: it is exactly what is
// written.
//
// With the preset [HTML], a browser loads a file of another host only if that
// host allows it in one of two ways, see [Config.EmbedderPolicy]:
//
//   - The answer of the host has Cross-Origin-Resource-Policy: cross-origin.
//   - The element has a crossorigin attribute, and the host allows CORS.
type CSP struct {
	// DefaultSrc is for each kind of content whose own field below is not set.
	// Some fields use another field first: see their defaults. Required if a
	// source list is set. Default: that of the preset.
	DefaultSrc []string
	// ScriptSrc is for scripts: their sources, and the inline scripts that may
	// run. Without InsecureAnyScript, New refuses *, a scheme alone, and all of
	// a public suffix, such as https://*.com. A report-only policy with 'nonce'
	// also requires BaseURI. Default: the same as DefaultSrc.
	ScriptSrc []string
	// ScriptSrcElem is for script elements. Default: the same as ScriptSrc.
	ScriptSrcElem []string
	// ScriptSrcAttr is for event handlers in attributes. Default: the same as
	// ScriptSrc.
	ScriptSrcAttr []string
	// StyleSrc is for styles: the sources of style sheets, and the inline
	// styles that may apply. Default: the same as DefaultSrc.
	StyleSrc []string
	// StyleSrcElem is for style and link elements. Default: the same as
	// StyleSrc.
	StyleSrcElem []string
	// StyleSrcAttr is for style attributes. Default: the same as StyleSrc.
	StyleSrcAttr []string
	// ImgSrc is for images and icons. Default: the same as DefaultSrc.
	ImgSrc []string
	// FontSrc is for fonts that style sheets load. Default: the same as
	// DefaultSrc.
	FontSrc []string
	// ConnectSrc is for requests that scripts send: fetch, XMLHttpRequest,
	// WebSocket, EventSource, sendBeacon, and ping of links. Default: the same
	// as DefaultSrc.
	ConnectSrc []string
	// MediaSrc is for audio, video and their tracks. Default: the same as
	// DefaultSrc.
	MediaSrc []string
	// ObjectSrc is for object and embed elements. Without InsecureAnyScript,
	// New refuses *, a scheme alone, and all of a public suffix. Default:
	// 'none'.
	ObjectSrc []string
	// FrameSrc is for frames in the page. Default: the same as ChildSrc.
	FrameSrc []string
	// ChildSrc is for frames and workers that have no list of their own.
	// Default: the same as DefaultSrc.
	ChildSrc []string
	// WorkerSrc is for scripts that start as workers. Default: the same as
	// ChildSrc, or as ScriptSrc if there is no ChildSrc.
	WorkerSrc []string
	// ManifestSrc is for the manifest of a web application. Default: the same
	// as DefaultSrc.
	ManifestSrc []string
	// BaseURI is for the URL of a base element. DefaultSrc does not cover it.
	// Without InsecureAnyScript, New refuses *, a scheme alone, and all of a
	// public suffix. With such a source, an injected base element would send
	// relative URLs of scripts to a host of the attacker. Default: 'none'.
	BaseURI []string
	// FormAction is for the URLs to which forms are sent. DefaultSrc does not
	// cover it. The source * allows every URL. Default: 'self'.
	FormAction []string
	// FrameAncestors is for the sites that may show the page in a frame.
	// DefaultSrc does not cover it. The source * allows every site. Browsers
	// that know the directive ignore X-Frame-Options. Default: 'none', or
	// 'self' if [Config.FrameOptions] is SAMEORIGIN.
	FrameAncestors []string

	// Sandbox lists the rights that a page keeps, such as "allow-scripts". All
	// other rights are removed. An empty list that is not nil removes all.
	// Default: nil, which sends no sandbox.
	Sandbox []string
	// UpgradeInsecureRequests makes http URLs of the page https. It is sent
	// over TLS only. A report-only policy must not have it, because it has no
	// meaning there. It is always sent for HTML, and for a [Config.CSP] with a
	// source list. Default: false.
	UpgradeInsecureRequests bool
	// RequireTrustedTypes makes browsers refuse a string that a script gives to
	// the DOM as code or markup. A value that a policy of TrustedTypes has made
	// is accepted. Default: false.
	RequireTrustedTypes bool
	// TrustedTypes are the names of the policies that scripts may create, or
	// the keywords 'none' and 'allow-duplicates'. Default: nil, which does not
	// restrict them.
	TrustedTypes []string
	// ReportTo is a name in [Config.Endpoints]. Browsers report violations to
	// its URL. The URL is always sent as report-uri. The name is sent as
	// report-to over TLS only, because browsers ignore it elsewhere. Default:
	// none.
	ReportTo string

	// InsecureInlineScript allows 'unsafe-inline' and 'unsafe-hashes' for
	// scripts. An attacker who injects markup can then run script. Default:
	// false.
	InsecureInlineScript bool
	// InsecureInlineStyle allows 'unsafe-inline' and 'unsafe-hashes' for
	// styles. An attacker who injects markup can then change what the page
	// shows, and read some of it by selectors. Default: false.
	InsecureInlineStyle bool
	// InsecureEval allows 'unsafe-eval'. If an attacker gets text into eval,
	// the text then runs as script. Default: false.
	InsecureEval bool
	// InsecureAnyScript allows scripts from *, from a scheme alone, such as
	// https: or data:, and from all of a public suffix, such as https://*.com.
	// Attackers can provide such scripts. It allows the same for BaseURI and
	// ObjectSrc. Default: false.
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

// unset reports whether no field of c is set.
func (c *CSP) unset() bool {
	return c.bare() && c.Sandbox == nil && !c.UpgradeInsecureRequests && !c.RequireTrustedTypes && c.TrustedTypes == nil && c.ReportTo == ""
}

// completed returns c with four lists of base in place of those that are empty.
// DefaultSrc does not cover three of them, and is too generous for objects.
// Other libraries have such defaults as well, and people copy their policies.
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
