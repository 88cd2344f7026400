package headers

import "strconv"

// A Preset is a set of headers and their values. A [Config] begins with a
// preset and replaces some of its values.
type Preset int

const (
	// API is the default, for services that answer with data:
	//
	//	Cache-Control: no-store
	//	Content-Security-Policy: default-src 'none'; frame-ancestors 'none'
	//	Cross-Origin-Resource-Policy: same-origin
	//	Referrer-Policy: no-referrer
	//	Strict-Transport-Security: max-age=31536000; includeSubDomains
	//	X-Content-Type-Options: nosniff
	//	X-Frame-Options: DENY
	API Preset = iota

	// HTML is for pages. A script runs if it carries the nonce of the response,
	// see [Nonce], or if a script with the nonce loads it. Everything else
	// comes from the own origin of the page:
	//
	//	Cache-Control: no-store
	//	Content-Security-Policy: default-src 'self';
	//	    script-src 'nonce-…' 'strict-dynamic'; style-src 'self' 'nonce-…';
	//	    img-src 'self' data:; object-src 'none'; base-uri 'none';
	//	    form-action 'self'; frame-ancestors 'none';
	//	    upgrade-insecure-requests
	//	Cross-Origin-Embedder-Policy: require-corp
	//	Cross-Origin-Opener-Policy: same-origin
	//	Cross-Origin-Resource-Policy: same-origin
	//	Permissions-Policy: camera=(), geolocation=(), microphone=(), …
	//	Referrer-Policy: same-origin
	//	Strict-Transport-Security: max-age=31536000; includeSubDomains
	//	X-Content-Type-Options: nosniff
	//	X-Frame-Options: DENY
	//
	// A script or a style sheet of another host runs with the nonce as well,
	// without an entry for its host. Because of the embedder policy, that host
	// must allow it, see [CSP].
	//
	// The referrer policy is same-origin. With no-referrer, browsers would send
	// the forms of the page with "Origin: null". For trusted types, set
	// CSP{RequireTrustedTypes: true}.
	HTML
)

// String returns the name of the preset.
func (p Preset) String() string {
	switch p {
	case API:
		return "API"
	case HTML:
		return "HTML"
	}
	return "Preset(" + strconv.Itoa(int(p)) + ")"
}

// set is the content of a preset: the policy, the lists that complete a policy
// of the Config, and the values of the other headers.
type set struct {
	csp    CSP
	rest   CSP
	values [fields]string
}

// set returns a fresh copy. It returns false if the preset does not exist.
func (p Preset) set() (set, bool) {
	s := set{rest: CSP{
		ObjectSrc:      []string{"'none'"},
		BaseURI:        []string{"'none'"},
		FormAction:     []string{"'self'"},
		FrameAncestors: []string{"'none'"},

		UpgradeInsecureRequests: true,
	}, values: [fields]string{
		cacheControl:       "no-store",
		resourcePolicy:     "same-origin",
		referrerPolicy:     "no-referrer",
		contentTypeOptions: "nosniff",
		frameOptions:       "DENY",
	}}
	switch p {
	case API:
		// Seven headers, and Content-Type is the eighth: a ninth key would
		// make the map of the response three times as expensive.
		s.csp = CSP{DefaultSrc: []string{"'none'"}, FrameAncestors: []string{"'none'"}}
	case HTML:
		s.csp = CSP{
			DefaultSrc:              []string{"'self'"},
			ScriptSrc:               []string{"'nonce'", "'strict-dynamic'"},
			StyleSrc:                []string{"'self'", "'nonce'"},
			ImgSrc:                  []string{"'self'", "data:"},
			ObjectSrc:               []string{"'none'"},
			BaseURI:                 []string{"'none'"},
			FormAction:              []string{"'self'"},
			FrameAncestors:          []string{"'none'"},
			UpgradeInsecureRequests: true,
		}
		s.values[embedderPolicy] = "require-corp"
		s.values[openerPolicy] = "same-origin"
		s.values[referrerPolicy] = "same-origin"
		s.values[permissionsPolicy] = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), " +
			"fullscreen=(self), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), " +
			"publickey-credentials-get=(self), screen-wake-lock=(), usb=(), xr-spatial-tracking=()"
	default:
		return set{}, false
	}
	return s, true
}
